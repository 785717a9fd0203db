package s3_test

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"github.com/tutti-run/tutti/internal/s3"
)

func must[T any](t *testing.T) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func TestSDKLooksAtBuckets(t *testing.T) {
	c, ctx, bucket := client(t, serve(t), true), t.Context(), aws.String("data")
	must[*awss3.CreateBucketOutput](t)(c.CreateBucket(ctx, &awss3.CreateBucketInput{Bucket: bucket}))
	must[*awss3.PutObjectOutput](t)(c.PutObject(ctx, &awss3.PutObjectInput{Bucket: bucket, Key: aws.String("k"), Body: strings.NewReader("text")}))
	buckets := must[*awss3.ListBucketsOutput](t)(c.ListBuckets(ctx, &awss3.ListBucketsInput{}))
	head := must[*awss3.HeadBucketOutput](t)(c.HeadBucket(ctx, &awss3.HeadBucketInput{Bucket: bucket}))
	location := must[*awss3.GetBucketLocationOutput](t)(c.GetBucketLocation(ctx, &awss3.GetBucketLocationInput{Bucket: bucket}))
	versioning := must[*awss3.GetBucketVersioningOutput](t)(c.GetBucketVersioning(ctx, &awss3.GetBucketVersioningInput{Bucket: bucket}))
	objects := must[*awss3.ListObjectsOutput](t)(c.ListObjects(ctx, &awss3.ListObjectsInput{Bucket: bucket}))
	if len(buckets.Buckets) != 1 || *buckets.Buckets[0].Name != "data" || *head.BucketRegion != "us-east-1" || location.LocationConstraint != "" || versioning.Status != "" || len(objects.Contents) != 1 {
		t.Errorf("got %+v, %+v, %+v, %+v, %+v", buckets, head, location, versioning, objects)
	}
	_, err := c.HeadBucket(ctx, &awss3.HeadBucketInput{Bucket: aws.String("none")})
	var missing *types.NotFound
	if !errors.As(err, &missing) {
		t.Errorf("another bucket: %v", err)
	}
}

func TestSDKTagsObjects(t *testing.T) {
	c, ctx, bucket, key := client(t, serve(t), true), t.Context(), aws.String("data"), aws.String("k")
	must[*awss3.CreateBucketOutput](t)(c.CreateBucket(ctx, &awss3.CreateBucketInput{Bucket: bucket}))
	must[*awss3.PutObjectOutput](t)(c.PutObject(ctx, &awss3.PutObjectInput{Bucket: bucket, Key: key, Body: strings.NewReader("text")}))
	must[*awss3.PutObjectTaggingOutput](t)(c.PutObjectTagging(ctx, &awss3.PutObjectTaggingInput{Bucket: bucket, Key: key, Tagging: &types.Tagging{TagSet: []types.Tag{{Key: aws.String("a"), Value: aws.String("b")}}}}))
	tags := must[*awss3.GetObjectTaggingOutput](t)(c.GetObjectTagging(ctx, &awss3.GetObjectTaggingInput{Bucket: bucket, Key: key}))
	head := must[*awss3.HeadObjectOutput](t)(c.HeadObject(ctx, &awss3.HeadObjectInput{Bucket: bucket, Key: key}))
	if len(tags.TagSet) != 1 || *tags.TagSet[0].Value != "b" || *head.ContentLength != 4 {
		t.Errorf("got %+v, %+v", tags, head)
	}
	must[*awss3.DeleteObjectTaggingOutput](t)(c.DeleteObjectTagging(ctx, &awss3.DeleteObjectTaggingInput{Bucket: bucket, Key: key}))
	if tags = must[*awss3.GetObjectTaggingOutput](t)(c.GetObjectTagging(ctx, &awss3.GetObjectTaggingInput{Bucket: bucket, Key: key})); len(tags.TagSet) != 0 {
		t.Errorf("tags %+v stay", tags)
	}
	must[*awss3.DeleteObjectOutput](t)(c.DeleteObject(ctx, &awss3.DeleteObjectInput{Bucket: bucket, Key: key}))
	_, err := c.HeadObject(ctx, &awss3.HeadObjectInput{Bucket: bucket, Key: key})
	var missing *types.NotFound
	if !errors.As(err, &missing) {
		t.Errorf("a deleted object: %v", err)
	}
}

func TestSDKCopiesParts(t *testing.T) {
	c, ctx, bucket, key := client(t, serve(t), true), t.Context(), aws.String("data"), aws.String("whole")
	must[*awss3.CreateBucketOutput](t)(c.CreateBucket(ctx, &awss3.CreateBucketInput{Bucket: bucket}))
	must[*awss3.PutObjectOutput](t)(c.PutObject(ctx, &awss3.PutObjectInput{Bucket: bucket, Key: aws.String("from"), Body: strings.NewReader("0123456789")}))
	upload := must[*awss3.CreateMultipartUploadOutput](t)(c.CreateMultipartUpload(ctx, &awss3.CreateMultipartUploadInput{Bucket: bucket, Key: key}))
	part := must[*awss3.UploadPartCopyOutput](t)(c.UploadPartCopy(ctx, &awss3.UploadPartCopyInput{
		Bucket: bucket, Key: key, UploadId: upload.UploadId, PartNumber: aws.Int32(1), CopySource: aws.String("data/from"), CopySourceRange: aws.String("bytes=2-5"),
	}))
	must[*awss3.CompleteMultipartUploadOutput](t)(c.CompleteMultipartUpload(ctx, &awss3.CompleteMultipartUploadInput{
		Bucket: bucket, Key: key, UploadId: upload.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: []types.CompletedPart{{PartNumber: aws.Int32(1), ETag: part.CopyPartResult.ETag}}},
	}))
	if head := must[*awss3.HeadObjectOutput](t)(c.HeadObject(ctx, &awss3.HeadObjectInput{Bucket: bucket, Key: key})); *head.ContentLength != 4 {
		t.Errorf("the object has %d bytes", *head.ContentLength)
	}
}

// TestSDKDrivesEveryOperation looks for a test with the SDK's client for each operation that is served.
func TestSDKDrivesEveryOperation(t *testing.T) {
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	var source strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		source.Write(text)
	}
	for _, name := range s3.OperationNames() {
		if !regexp.MustCompile(`\.` + name + `\([^,]+, &awss3\.` + name + `Input\{`).MatchString(source.String()) {
			t.Errorf("no test calls %s with the SDK's client", name)
		}
	}
}

func TestSDKConfiguresNotifications(t *testing.T) {
	c, ctx, bucket := client(t, serve(t), true), t.Context(), aws.String("data")
	must[*awss3.CreateBucketOutput](t)(c.CreateBucket(ctx, &awss3.CreateBucketInput{Bucket: bucket}))
	must[*awss3.PutBucketNotificationConfigurationOutput](t)(c.PutBucketNotificationConfiguration(ctx, &awss3.PutBucketNotificationConfigurationInput{
		Bucket: bucket, NotificationConfiguration: &types.NotificationConfiguration{EventBridgeConfiguration: &types.EventBridgeConfiguration{}},
	}))
	got := must[*awss3.GetBucketNotificationConfigurationOutput](t)(c.GetBucketNotificationConfiguration(ctx, &awss3.GetBucketNotificationConfigurationInput{Bucket: bucket}))
	if got.EventBridgeConfiguration == nil || len(got.QueueConfigurations) != 0 {
		t.Errorf("got %+v", got)
	}
}

// Terraform reads all of a bucket's configuration, whatever is configured. So does this, twice, as a plan does.
func TestTerraformBucket(t *testing.T) {
	c, ctx, bucket := client(t, serve(t), true), t.Context(), aws.String("tf-bucket")
	must[*awss3.CreateBucketOutput](t)(c.CreateBucket(ctx, &awss3.CreateBucketInput{Bucket: bucket}))
	must[*awss3.HeadBucketOutput](t)(c.HeadBucket(ctx, &awss3.HeadBucketInput{Bucket: bucket}))
	for range 2 {
		acl := must[*awss3.GetBucketAclOutput](t)(c.GetBucketAcl(ctx, &awss3.GetBucketAclInput{Bucket: bucket}))
		if len(acl.Grants) != 1 || acl.Grants[0].Permission != types.PermissionFullControl || acl.Grants[0].Grantee.Type != types.TypeCanonicalUser || *acl.Grants[0].Grantee.ID != *acl.Owner.ID {
			t.Errorf("ACL %+v", acl)
		}
		encryption := must[*awss3.GetBucketEncryptionOutput](t)(c.GetBucketEncryption(ctx, &awss3.GetBucketEncryptionInput{Bucket: bucket}))
		if rules := encryption.ServerSideEncryptionConfiguration.Rules; len(rules) != 1 || rules[0].ApplyServerSideEncryptionByDefault.SSEAlgorithm != types.ServerSideEncryptionAes256 {
			t.Errorf("encryption %+v", rules)
		}
		block := must[*awss3.GetPublicAccessBlockOutput](t)(c.GetPublicAccessBlock(ctx, &awss3.GetPublicAccessBlockInput{Bucket: bucket})).PublicAccessBlockConfiguration
		owners := must[*awss3.GetBucketOwnershipControlsOutput](t)(c.GetBucketOwnershipControls(ctx, &awss3.GetBucketOwnershipControlsInput{Bucket: bucket}))
		payer := must[*awss3.GetBucketRequestPaymentOutput](t)(c.GetBucketRequestPayment(ctx, &awss3.GetBucketRequestPaymentInput{Bucket: bucket}))
		speed := must[*awss3.GetBucketAccelerateConfigurationOutput](t)(c.GetBucketAccelerateConfiguration(ctx, &awss3.GetBucketAccelerateConfigurationInput{Bucket: bucket}))
		logging := must[*awss3.GetBucketLoggingOutput](t)(c.GetBucketLogging(ctx, &awss3.GetBucketLoggingInput{Bucket: bucket}))
		told := must[*awss3.GetBucketNotificationConfigurationOutput](t)(c.GetBucketNotificationConfiguration(ctx, &awss3.GetBucketNotificationConfigurationInput{Bucket: bucket}))
		if !*block.BlockPublicAcls || !*block.RestrictPublicBuckets || owners.OwnershipControls.Rules[0].ObjectOwnership != types.ObjectOwnershipBucketOwnerEnforced || payer.Payer != types.PayerBucketOwner ||
			speed.Status != "" || logging.LoggingEnabled != nil || len(told.LambdaFunctionConfigurations) != 0 {
			t.Errorf("got %+v, %+v, %+v, %+v, %+v, %+v", block, owners, payer, speed, logging, told)
		}
		for want, read := range map[string]func() error{
			"NoSuchBucketPolicy": func() error {
				_, err := c.GetBucketPolicy(ctx, &awss3.GetBucketPolicyInput{Bucket: bucket})
				return err
			},
			"NoSuchCORSConfiguration": func() error {
				_, err := c.GetBucketCors(ctx, &awss3.GetBucketCorsInput{Bucket: bucket})
				return err
			},
			"NoSuchLifecycleConfiguration": func() error {
				_, err := c.GetBucketLifecycleConfiguration(ctx, &awss3.GetBucketLifecycleConfigurationInput{Bucket: bucket})
				return err
			},
			"ObjectLockConfigurationNotFoundError": func() error {
				_, err := c.GetObjectLockConfiguration(ctx, &awss3.GetObjectLockConfigurationInput{Bucket: bucket})
				return err
			},
			"ReplicationConfigurationNotFoundError": func() error {
				_, err := c.GetBucketReplication(ctx, &awss3.GetBucketReplicationInput{Bucket: bucket})
				return err
			},
			"NoSuchTagSet": func() error {
				_, err := c.GetBucketTagging(ctx, &awss3.GetBucketTaggingInput{Bucket: bucket})
				return err
			},
			"NoSuchWebsiteConfiguration": func() error {
				_, err := c.GetBucketWebsite(ctx, &awss3.GetBucketWebsiteInput{Bucket: bucket})
				return err
			},
		} {
			var refused smithy.APIError
			if err := read(); !errors.As(err, &refused) || refused.ErrorCode() != want {
				t.Errorf("%v, want %s", err, want)
			}
		}
	}
	must[*awss3.DeleteBucketOutput](t)(c.DeleteBucket(ctx, &awss3.DeleteBucketInput{Bucket: bucket}))
	var refused smithy.APIError
	if _, err := c.GetBucketAcl(ctx, &awss3.GetBucketAclInput{Bucket: bucket}); !errors.As(err, &refused) || refused.ErrorCode() != "NoSuchBucket" {
		t.Errorf("after its deletion: %v", err)
	}
}
