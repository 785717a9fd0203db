package s3_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"github.com/tutti-run/tutti/internal/s3"
)

// serve starts the handler over a new folder and returns its URL.
func serve(t *testing.T) string {
	t.Helper()
	store := s3.New(t.TempDir())
	server := httptest.NewServer(s3.NewHandler(store, "us-east-1", "123456789012"))
	t.Cleanup(func() {
		server.Close()
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return server.URL
}

// client is the SDK's client as a program would make it. Its dialer finds the server under any name.
func client(t *testing.T, url string, pathStyle bool) *awss3.Client {
	t.Helper()
	address := strings.TrimPrefix(url, "http://")
	transport := &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, address)
	}}
	t.Cleanup(transport.CloseIdleConnections)
	return awss3.New(awss3.Options{
		Region: "us-east-1", BaseEndpoint: aws.String("http://s3.localhost"), HTTPClient: &http.Client{Transport: transport},
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""), UsePathStyle: pathStyle,
	})
}

func TestSDK(t *testing.T) {
	for _, pathStyle := range []bool{false, true} {
		t.Run(fmt.Sprintf("path style %v", pathStyle), func(t *testing.T) {
			c := client(t, serve(t), pathStyle)
			ctx := t.Context()
			check := func(_ any, err error) {
				t.Helper()
				if err != nil {
					t.Fatal(err)
				}
			}
			check(c.CreateBucket(ctx, &awss3.CreateBucketInput{Bucket: aws.String("data")}))
			check(c.CreateBucket(ctx, &awss3.CreateBucketInput{Bucket: aws.String("data")})) // no error in us-east-1
			bodies := map[string]string{"a": "1", "a/b": "22", "a//b": "333", "ü &+<x>?%2F": strings.Repeat("x", 100_000), "../../etc/passwd": "4", "z": ""}
			for key, body := range bodies {
				check(c.PutObject(ctx, &awss3.PutObjectInput{Bucket: aws.String("data"), Key: aws.String(key), Body: strings.NewReader(body),
					ContentType: aws.String("text/plain"), Metadata: map[string]string{"who": "me"}}))
			}
			for key, body := range bodies {
				out, err := c.GetObject(ctx, &awss3.GetObjectInput{Bucket: aws.String("data"), Key: aws.String(key), ChecksumMode: types.ChecksumModeEnabled})
				if err != nil {
					t.Fatalf("%q: %v", key, err)
				}
				got, err := io.ReadAll(out.Body)
				if err != nil || string(got) != body || aws.ToString(out.ContentType) != "text/plain" || out.Metadata["who"] != "me" || out.ChecksumCRC64NVME == nil {
					t.Errorf("%q: %d bytes, %v, %v; want %d", key, len(got), out.Metadata, err, len(body))
				}
			}
			list, err := c.ListObjectsV2(ctx, &awss3.ListObjectsV2Input{Bucket: aws.String("data")})
			if err != nil {
				t.Fatal(err)
			}
			var keys []string
			for _, o := range list.Contents {
				keys = append(keys, *o.Key)
			}
			if want := []string{"../../etc/passwd", "a", "a//b", "a/b", "z", "ü &+<x>?%2F"}; !slices.Equal(keys, want) {
				t.Errorf("listed %q, want %q", keys, want)
			}
			list, err = c.ListObjectsV2(ctx, &awss3.ListObjectsV2Input{Bucket: aws.String("data"), Delimiter: aws.String("/"), MaxKeys: aws.Int32(2)})
			if err != nil || len(list.Contents) != 1 || len(list.CommonPrefixes) != 1 || *list.CommonPrefixes[0].Prefix != "../" || !*list.IsTruncated {
				t.Errorf("with a delimiter: %+v, %v", list, err)
			}
			list, err = c.ListObjectsV2(ctx, &awss3.ListObjectsV2Input{Bucket: aws.String("data"), Delimiter: aws.String("/"), ContinuationToken: list.NextContinuationToken})
			if err != nil || len(list.Contents) != 2 || len(list.CommonPrefixes) != 1 || *list.CommonPrefixes[0].Prefix != "a/" {
				t.Errorf("next page: %+v, %v", list, err)
			}
			check(c.CopyObject(ctx, &awss3.CopyObjectInput{Bucket: aws.String("data"), Key: aws.String("copy"), CopySource: aws.String("data/a/b")}))
			out, err := c.GetObject(ctx, &awss3.GetObjectInput{Bucket: aws.String("data"), Key: aws.String("copy"), Range: aws.String("bytes=1-")})
			if err != nil || aws.ToString(out.ContentRange) != "bytes 1-1/2" || out.Metadata["who"] != "me" {
				t.Errorf("copy: %+v, %v", out, err)
			}
			deleted, err := c.DeleteObjects(ctx, &awss3.DeleteObjectsInput{Bucket: aws.String("data"), Delete: &types.Delete{Objects: []types.ObjectIdentifier{{Key: aws.String("a")}, {Key: aws.String("none")}}}})
			if err != nil || len(deleted.Deleted) != 2 {
				t.Errorf("deleted %+v, %v", deleted, err)
			}
			_, err = c.GetObject(ctx, &awss3.GetObjectInput{Bucket: aws.String("data"), Key: aws.String("a")})
			var noKey *types.NoSuchKey
			if !errors.As(err, &noKey) || noKey.ErrorMessage() != "The specified key does not exist." {
				t.Errorf("a deleted object: %v", err)
			}
			for name, call := range map[string]func() error{
				"NoSuchBucket": func() error {
					_, err := c.ListObjectsV2(ctx, &awss3.ListObjectsV2Input{Bucket: aws.String("nobody")})
					return err
				},
				"BucketNotEmpty": func() error {
					_, err := c.DeleteBucket(ctx, &awss3.DeleteBucketInput{Bucket: aws.String("data")})
					return err
				},
				"PreconditionFailed": func() error {
					_, err := c.PutObject(ctx, &awss3.PutObjectInput{Bucket: aws.String("data"), Key: aws.String("z"), IfNoneMatch: aws.String("*"), Body: strings.NewReader("")})
					return err
				},
				"NotImplemented": func() error {
					_, err := c.DeleteBucketPolicy(ctx, &awss3.DeleteBucketPolicyInput{Bucket: aws.String("data")})
					return err
				},
				"NoSuchUpload": func() error {
					_, err := c.AbortMultipartUpload(ctx, &awss3.AbortMultipartUploadInput{Bucket: aws.String("data"), Key: aws.String("z"), UploadId: aws.String("nothing")})
					return err
				},
			} {
				var refused smithy.APIError
				if err := call(); !errors.As(err, &refused) || refused.ErrorCode() != name {
					t.Errorf("%v, want %s", err, name)
				}
			}
		})
	}
}

func TestMultipart(t *testing.T) {
	c := client(t, serve(t), true)
	ctx := t.Context()
	bucket, key := aws.String("data"), aws.String("large")
	if _, err := c.CreateBucket(ctx, &awss3.CreateBucketInput{Bucket: bucket}); err != nil {
		t.Fatal(err)
	}
	u, err := c.CreateMultipartUpload(ctx, &awss3.CreateMultipartUploadInput{Bucket: bucket, Key: key, ChecksumAlgorithm: types.ChecksumAlgorithmCrc32c})
	if err != nil {
		t.Fatal(err)
	}
	random := rand.NewChaCha8([32]byte{1})
	var whole []byte
	var parts []types.CompletedPart
	for n, size := range []int{5 << 20, 5<<20 + 1, 3} {
		body := make([]byte, size)
		_, _ = random.Read(body)
		whole = append(whole, body...)
		p, err := c.UploadPart(ctx, &awss3.UploadPartInput{Bucket: bucket, Key: key, UploadId: u.UploadId, PartNumber: aws.Int32(int32(n + 1)), Body: bytes.NewReader(body), ChecksumAlgorithm: types.ChecksumAlgorithmCrc32c})
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, types.CompletedPart{ETag: p.ETag, PartNumber: aws.Int32(int32(n + 1)), ChecksumCRC32C: p.ChecksumCRC32C})
	}
	listed, err := c.ListParts(ctx, &awss3.ListPartsInput{Bucket: bucket, Key: key, UploadId: u.UploadId, MaxParts: aws.Int32(2)})
	if err != nil || len(listed.Parts) != 2 || !*listed.IsTruncated || *listed.NextPartNumberMarker != "2" {
		t.Errorf("parts: %+v, %v", listed, err)
	}
	uploads, err := c.ListMultipartUploads(ctx, &awss3.ListMultipartUploadsInput{Bucket: bucket})
	if err != nil || len(uploads.Uploads) != 1 || *uploads.Uploads[0].Key != "large" {
		t.Errorf("uploads: %+v, %v", uploads, err)
	}
	done, err := c.CompleteMultipartUpload(ctx, &awss3.CompleteMultipartUploadInput{Bucket: bucket, Key: key, UploadId: u.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: parts}})
	if err != nil || !strings.HasSuffix(*done.ETag, `-3"`) || !strings.HasSuffix(aws.ToString(done.ChecksumCRC32C), "-3") {
		t.Fatalf("%+v, %v", done, err)
	}
	for _, r := range [][2]int{{0, len(whole)}, {5<<20 - 2, 5<<20 + 2}, {len(whole) - 4, len(whole)}} {
		out, err := c.GetObject(ctx, &awss3.GetObjectInput{Bucket: bucket, Key: key, Range: aws.String(fmt.Sprintf("bytes=%d-%d", r[0], r[1]-1))})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(out.Body); err != nil || !bytes.Equal(got, whole[r[0]:r[1]]) {
			t.Errorf("bytes %v: %d bytes, %v", r, len(got), err)
		}
	}
}

// TestPresigned fetches with a presigned URL, and once more when its time is over.
func TestPresigned(t *testing.T) {
	url := serve(t)
	c := client(t, url, true)
	ctx := t.Context()
	if _, err := c.CreateBucket(ctx, &awss3.CreateBucketInput{Bucket: aws.String("data")}); err != nil {
		t.Fatal(err)
	}
	sign := awss3.NewPresignClient(c)
	put, err := sign.PresignPutObject(ctx, &awss3.PutObjectInput{Bucket: aws.String("data"), Key: aws.String("k")})
	if err != nil {
		t.Fatal(err)
	}
	do := func(method, signed, body string) (int, string) {
		req, err := http.NewRequestWithContext(ctx, method, strings.Replace(signed, "http://s3.localhost", url, 1), strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		answer, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = answer.Body.Close() }()
		text, _ := io.ReadAll(answer.Body)
		return answer.StatusCode, string(text)
	}
	if status, text := do(put.Method, put.URL, "hello"); status != http.StatusOK {
		t.Errorf("put: %d %s", status, text)
	}
	get, err := sign.PresignGetObject(ctx, &awss3.GetObjectInput{Bucket: aws.String("data"), Key: aws.String("k")}, awss3.WithPresignExpires(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	if status, text := do(get.Method, get.URL, ""); status != http.StatusOK || text != "hello" {
		t.Errorf("get: %d %s", status, text)
	}
	late := strings.Replace(get.URL, "X-Amz-Date=2", "X-Amz-Date=1", 1) // a thousand years ago
	if status, text := do(get.Method, late, ""); status != http.StatusForbidden || !strings.Contains(text, "Request has expired") {
		t.Errorf("late: %d %s", status, text)
	}
}

// TestCLI copies folders to and fro with the AWS CLI.
func TestCLI(t *testing.T) {
	program, err := exec.LookPath("aws")
	switch ci := os.Getenv("CI") == "true"; {
	case err != nil && ci:
		t.Fatal("the AWS CLI is not installed: pip install -r internal/api/testdata/requirements.txt")
	case err != nil:
		t.Skip("the AWS CLI is not installed")
	case !ci:
		t.Skip("the AWS CLI takes half a minute for this: set CI=true to run it")
	}
	url := serve(t)
	run := func(args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), program, append([]string{"--endpoint-url", url, "s3"}, args...)...)
		cmd.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "AWS_DEFAULT_REGION=us-east-1", "AWS_PAGER=")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("aws s3 %v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	from, to := t.TempDir(), t.TempDir()
	large := make([]byte, 20<<20)
	_, _ = rand.NewChaCha8([32]byte{2}).Read(large)
	files := map[string][]byte{"a b.txt": []byte("1"), filepath.Join("deep", "ä.txt"): []byte("2"), "large.bin": large}
	for name, body := range files {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(from, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(from, name), body, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	run("mb", "s3://data")
	run("sync", from, "s3://data/x")
	if out := run("ls", "s3://data/x/"); !strings.Contains(out, "a b.txt") || !strings.Contains(out, "PRE deep/") {
		t.Errorf("ls: %s", out)
	}
	if out := run("sync", from, "s3://data/x"); strings.Contains(out, "upload") {
		t.Errorf("a second sync copied again: %s", out)
	}
	run("cp", "s3://data/x/large.bin", "s3://data/y/large.bin")
	run("sync", "s3://data/x", to)
	for name, body := range files {
		if got, err := os.ReadFile(filepath.Join(to, name)); err != nil || !bytes.Equal(got, body) {
			t.Errorf("%s came back with %d bytes, %v", name, len(got), err)
		}
	}
	run("rb", "--force", "s3://data")
}
