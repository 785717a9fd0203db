// Package awsmodel tells what AWS's services look like: their operations, the shapes of what these take and give, the protocol that a service
// speaks, and the names that Step Functions and the SDK for Java give all of it.
//
// The descriptions are data in models.zip, one compressed entry a service, made by ./gen from the service models that botocore ships (see
// [Models]). They come in when a service is first asked for, and leave as immutable [Service] values. The package calls nothing: making requests
// of them is awsclient's business.
package awsmodel

//go:generate go run ./gen -out models.zip
