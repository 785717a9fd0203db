package s3

import (
	"encoding/xml"
	"net/http"
)

// configuration is what a bucket says of itself that has been created and not been configured: a document, or the error that there is none.
type configuration struct {
	document any
	missing  Code
}

// configurations is the table of what buckets can be asked of their configuration, by the name in the query (API reference, the GetBucket operations). Nothing of it
// can be changed here; programs that read all of it, such as Terraform, go on.
func configurations(owner string) map[string]configuration {
	name := func(element string) xml.Name { return xml.Name{Local: element} }
	empty := func(element string) any {
		return struct {
			XMLName xml.Name
			XMLNS   string `xml:"xmlns,attr"`
		}{name(element), namespace}
	}
	type grantee struct {
		XSI             string `xml:"xmlns:xsi,attr"`
		Type            string `xml:"xsi:type,attr"`
		ID, DisplayName string
	}
	type grant struct {
		Grantee    grantee
		Permission string
	}
	me := ownerBody{owner, owner}
	return map[string]configuration{
		"accelerate": {document: empty("AccelerateConfiguration")}, // no edge locations
		"acl": {document: struct { // whose it is
			XMLName xml.Name
			XMLNS   string `xml:"xmlns,attr"`
			Owner   ownerBody
			Grants  []grant `xml:"AccessControlList>Grant"`
		}{name("AccessControlPolicy"), namespace, me, []grant{{grantee{"http://www.w3.org/2001/XMLSchema-instance", "CanonicalUser", owner, owner}, "FULL_CONTROL"}}}},
		"cors": {missing: NoSuchCORSConfiguration}, // pages of others
		"encryption": {document: struct { // with keys of S3's own, as every bucket's
			XMLName   xml.Name
			XMLNS     string `xml:"xmlns,attr"`
			Algorithm string `xml:"Rule>ApplyServerSideEncryptionByDefault>SSEAlgorithm"`
			BucketKey bool   `xml:"Rule>BucketKeyEnabled"`
		}{name("ServerSideEncryptionConfiguration"), namespace, "AES256", false}},
		"lifecycle":    {missing: NoSuchLifecycleConfiguration},          // when objects expire
		"logging":      {document: empty("BucketLoggingStatus")},         // who reads what
		"notification": {document: empty("NotificationConfiguration")},   // whom changes are told
		"object-lock":  {missing: ObjectLockConfigurationNotFoundError},  // how long objects stay
		"policy":       {missing: NoSuchBucketPolicy},                    // who may do what
		"replication":  {missing: ReplicationConfigurationNotFoundError}, // copies elsewhere
		"tagging":      {missing: NoSuchTagSet},                          // tags
		"website":      {missing: NoSuchWebsiteConfiguration},            // the bucket as a website
		"ownershipControls": {document: struct { // the bucket's owner owns all objects
			XMLName   xml.Name
			XMLNS     string `xml:"xmlns,attr"`
			Ownership string `xml:"Rule>ObjectOwnership"`
		}{name("OwnershipControls"), namespace, "BucketOwnerEnforced"}},
		"publicAccessBlock": {document: struct { // nothing is public
			XMLName                                                                     xml.Name
			XMLNS                                                                       string `xml:"xmlns,attr"`
			BlockPublicAcls, IgnorePublicAcls, BlockPublicPolicy, RestrictPublicBuckets bool
		}{name("PublicAccessBlockConfiguration"), namespace, true, true, true, true}},
		"requestPayment": {document: struct { // who pays
			XMLName xml.Name
			XMLNS   string `xml:"xmlns,attr"`
			Payer   string
		}{name("RequestPaymentConfiguration"), namespace, "BucketOwner"}},
	}
}

// getConfiguration answers what a bucket has that nobody has configured.
func (c *call) getConfiguration() error {
	if _, err := c.store.HeadBucket(c.bucket); err != nil {
		return err
	}
	for name, has := range configurations(c.owner) {
		if !c.query.Has(name) {
			continue
		}
		if has.missing != "" {
			return refuse(has.missing, c.bucket, "")
		}
		c.answer(http.StatusOK, has.document)
		return nil
	}
	return refuse(NotImplemented, c.bucket, "")
}
