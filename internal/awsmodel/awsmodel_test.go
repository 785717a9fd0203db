package awsmodel_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/tutti-run/tutti/internal/awsmodel"
	"github.com/tutti-run/tutti/internal/value"
)

// TestNames holds the derived names to those in the developer guide's table of supported SDK integrations.
func TestNames(t *testing.T) {
	models := awsmodel.New()
	for _, tt := range []struct{ name, prefix, id string }{
		{"sfn", "Sfn", "SFN"},
		{"sqs", "Sqs", "SQS"},
		{"s3", "S3", "S3"},
		{"ec2", "Ec2", "EC2"},
		{"dynamodb", "DynamoDb", "DynamoDB"},
		{"dynamodbstreams", "DynamoDbStreams", "DynamoDB Streams"},
		{"secretsmanager", "SecretsManager", "Secrets Manager"},
		{"cloudwatchlogs", "CloudWatchLogs", "CloudWatch Logs"},
		{"eventbridge", "EventBridge", "EventBridge"},
		{"acmpca", "AcmPca", "ACM PCA"},
		{"config", "Config", "Config Service"},
		{"databasemigration", "DatabaseMigration", "Database Migration Service"},
		{"elasticloadbalancingv2", "ElasticLoadBalancingV2", "Elastic Load Balancing v2"},
		{"apigatewayv2", "ApiGatewayV2", "ApiGatewayV2"},
		{"sesv2", "SesV2", "SESv2"},
		{"wafv2", "Wafv2", "WAFV2"},
		{"cognitoidentityprovider", "CognitoIdentityProvider", "Cognito Identity Provider"},
		{"costexplorer", "CostExplorer", "Cost Explorer"},
		{"iotdataplane", "IotDataPlane", "IoT Data Plane"},
	} {
		s, ok := models.Service(tt.name)
		if !ok {
			t.Errorf("no service %s", tt.name)
			continue
		}
		if s.Name != tt.name || s.Prefix != tt.prefix || s.ID != tt.id {
			t.Errorf("%s: %s, %s, want %s, %s", tt.name, s.Prefix, s.ID, tt.prefix, tt.id)
		}
	}
	if _, ok := models.Service("SFN"); ok {
		t.Error("names are lower case")
	}
}

func TestExceptionName(t *testing.T) {
	for shape, want := range map[string]string{
		"NoSuchKey":                       "NoSuchKeyException",
		"ConditionalCheckFailedException": "ConditionalCheckFailedException",
		"InvalidToken":                    "InvalidTokenException",
		"DBInstanceNotFoundFault":         "DbInstanceNotFoundException",
		"KMSDisabledException":            "KmsDisabledException",
	} {
		if got := awsmodel.ExceptionName(shape); got != want {
			t.Errorf("%s: %s, want %s", shape, got, want)
		}
	}
}

// TestEveryModel reads every service and looks for what the client relies on.
func TestEveryModel(t *testing.T) {
	models := awsmodel.New()
	names := models.Names()
	if len(names) < 400 {
		t.Fatalf("only %d services", len(names))
	}
	protocols := []awsmodel.Protocol{awsmodel.JSON, awsmodel.RESTJSON, awsmodel.RESTXML, awsmodel.Query, awsmodel.EC2, awsmodel.CBOR}
	kinds := []awsmodel.Kind{awsmodel.Structure, awsmodel.List, awsmodel.Map, awsmodel.String, awsmodel.Integer, awsmodel.Long, awsmodel.Float, awsmodel.Double,
		awsmodel.Boolean, awsmodel.Timestamp, awsmodel.Blob}
	for _, name := range names {
		s, ok := models.Service(name)
		switch {
		case !ok:
			t.Errorf("%s cannot be read", name)
			continue
		case s.Name != name:
			t.Errorf("%s calls itself %s", name, s.Name)
		case !slices.Contains(protocols, s.Protocol):
			t.Errorf("%s speaks %q", name, s.Protocol)
		case s.Endpoint == "" || s.Signing == "" || s.Version == "":
			t.Errorf("%s lacks an endpoint, a signing name or a version", name)
		case s.Protocol == awsmodel.JSON && (s.JSON == "" || s.Target == ""):
			t.Errorf("%s lacks a target or the version of its protocol", name)
		case len(s.Operations()) == 0:
			t.Errorf("%s does nothing", name)
		}
		seen := map[*awsmodel.Shape]bool{}
		var visit func(s *awsmodel.Shape)
		visit = func(s *awsmodel.Shape) {
			if s == nil || seen[s] {
				return
			}
			seen[s] = true
			if !slices.Contains(kinds, s.Kind) || (s.Kind == awsmodel.List || s.Kind == awsmodel.Map) != (s.Elem != nil) {
				t.Errorf("%s has a shape of the kind %q, with elements: %v", name, s.Kind, s.Elem != nil)
			}
			for _, m := range s.Members {
				if found, ok := s.Member(m.Field); !ok || found.Name != m.Name {
					t.Errorf("%s: two members are called %s", name, m.Field)
				}
				visit(m.Shape)
			}
			visit(s.Elem)
			visit(s.Key)
		}
		for _, api := range s.Operations() {
			o, _ := s.Operation(api)
			visit(o.Input)
			visit(o.Output)
			if o.Input != nil && o.Input.Payload != "" && !slices.ContainsFunc(o.Input.Members, func(m awsmodel.Member) bool { return m.Name == o.Input.Payload }) {
				t.Errorf("%s %s: the body is %s, which is no member", name, o.Name, o.Input.Payload)
			}
		}
	}
}

func TestProblems(t *testing.T) {
	min := 1.0
	text := &awsmodel.Shape{Kind: awsmodel.String, Min: &min}
	shape := awsmodel.NewStructure(
		awsmodel.Member{Name: "Text", Shape: text},
		awsmodel.Member{Name: "Choice", Shape: &awsmodel.Shape{Kind: awsmodel.String, Enum: []string{"A"}}},
		awsmodel.Member{Name: "Count", Shape: &awsmodel.Shape{Kind: awsmodel.Integer}},
		awsmodel.Member{Name: "Share", Shape: &awsmodel.Shape{Kind: awsmodel.Double}},
		awsmodel.Member{Name: "Flag", Shape: &awsmodel.Shape{Kind: awsmodel.Boolean}},
		awsmodel.Member{Name: "At", Shape: &awsmodel.Shape{Kind: awsmodel.Timestamp}},
		awsmodel.Member{Name: "Raw", Shape: &awsmodel.Shape{Kind: awsmodel.Blob}},
		awsmodel.Member{Name: "List", Shape: &awsmodel.Shape{Kind: awsmodel.List, Elem: text}},
		awsmodel.Member{Name: "Map", Shape: &awsmodel.Shape{Kind: awsmodel.Map, Key: text, Elem: text}},
		awsmodel.Member{Name: "Any", Shape: &awsmodel.Shape{Kind: awsmodel.Structure, Document: true}},
	)
	for _, tt := range []struct{ in, field string }{ // the field that is complained of
		{`{"Text":"","Count":1,"Share":1,"Flag":true,"At":"2024-01-01T00:00:00Z","Raw":{},"List":["a"],"Map":{"k":"v"},"Any":[1]}`, ""},
		{`{"Text":{"a":1}}`, ""}, {`{"Text":1}`, "Text"}, {`{"Text":true}`, "Text"}, {`{"Text":null}`, ""},
		{`{"Choice":[]}`, "Choice"}, {`{"Choice":"B"}`, ""}, // an unknown value is the service's business
		{`{"Count":1.0}`, ""}, {`{"Count":1.5}`, "Count"}, {`{"Count":"1"}`, "Count"},
		{`{"Share":"1"}`, "Share"}, {`{"Flag":"true"}`, "Flag"}, {`{"At":1700000000}`, ""}, {`{"At":false}`, "At"},
		{`{"List":"a"}`, "List"}, {`{"List":[1]}`, "List"}, {`{"Map":["a"]}`, "Map"}, {`{"Map":{"k":1}}`, "Map"}, {`{"Nope":1}`, "Nope"},
	} {
		v, err := value.Parse(tt.in)
		if err != nil {
			t.Fatal(err)
		}
		problems := shape.Problems(v)
		if tt.field == "" && len(problems) > 0 || tt.field != "" && (len(problems) != 1 || !strings.Contains(problems[0], "'"+tt.field+"'")) {
			t.Errorf("%s: %q, want a problem with %q", tt.in, problems, tt.field)
		}
	}
}

func TestReservedNamesBecomeValues(t *testing.T) {
	s, _ := awsmodel.New().Service("guardduty")
	o, _ := s.Operation("createFilter")
	criteria, _ := o.Input.Member("FindingCriteria")
	criterion, _ := criteria.Shape.Member("Criterion")
	condition := criterion.Shape.Elem
	for _, name := range []string{"EqualsValue", "Equals"} {
		if m, ok := condition.Member(name); !ok || m.Field != "EqualsValue" || m.Wire != "equals" {
			t.Errorf("%s is %+v", name, m)
		}
	}
}

func BenchmarkService(b *testing.B) {
	for _, name := range []string{"sqs", "dynamodb", "s3", "ec2"} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, ok := awsmodel.New().Service(name); !ok {
					b.Fatal("no such service")
				}
			}
		})
	}
}
