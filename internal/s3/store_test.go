package s3_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/cockroachdb/pebble/v2/vfs"
	"go.uber.org/goleak"

	"github.com/tutti-run/tutti/internal/s3"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newStore returns a store with the bucket "data".
func newStore(t testing.TB, fs vfs.FS) *s3.Store {
	t.Helper()
	store := s3.New("/s3", s3.WithFS(fs))
	t.Cleanup(func() { _ = store.Close() })
	if err := store.CreateBucket("data"); err != nil && code(err) != s3.BucketAlreadyOwnedByYou {
		t.Fatal(err)
	}
	return store
}

func code(err error) s3.Code {
	var e *s3.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

func put(t testing.TB, s *s3.Store, key string, body []byte) {
	t.Helper()
	if _, err := s.Put("data", key, bytes.NewReader(body), s3.Attributes{}, s3.Condition{}, nil); err != nil {
		t.Fatal(err)
	}
}

func read(t testing.TB, s *s3.Store, key string) []byte {
	t.Helper()
	o, err := s.Get("data", key, "")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = o.Close() }()
	body, err := io.ReadAll(o.Reader())
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// TestPowerCut checks that what was acknowledged is there after the power went, that nothing half written is, and that no file is left behind.
func TestPowerCut(t *testing.T) {
	disk := vfs.NewCrashableMem()
	s := newStore(t, disk)
	small, large := []byte("small"), bytes.Repeat([]byte("large "), 100_000)
	put(t, s, "small", small)
	put(t, s, "large", large)
	put(t, s, "gone", large)
	if err := s.Delete("data", "gone"); err != nil {
		t.Fatal(err)
	}
	u, err := s.CreateUpload("data", "parts", "", false, s3.Attributes{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.PutPart("data", "parts", u.ID, 1, bytes.NewReader(large), nil); err != nil {
		t.Fatal(err)
	}
	after := disk.CrashClone(vfs.CrashCloneCfg{})
	s = newStore(t, after)
	if got := read(t, s, "small"); !bytes.Equal(got, small) {
		t.Errorf("small: %q", got)
	}
	if got := read(t, s, "large"); !bytes.Equal(got, large) {
		t.Errorf("large: %d bytes", len(got))
	}
	if _, err := s.Get("data", "gone", ""); code(err) != s3.NoSuchKey {
		t.Errorf("gone: %v", err)
	}
	if _, parts, err := s.Parts("data", "parts", u.ID); err != nil || len(parts) != 1 {
		t.Errorf("%d parts, %v", len(parts), err)
	}
	if files, err := after.List("/s3/bodies"); err != nil || len(files) != 2 {
		t.Errorf("files %v, %v; want those of an object and a part", files, err)
	}
}

// TestRefused checks that a body that fails leaves nothing, and that what was there stays.
func TestRefused(t *testing.T) {
	disk := vfs.NewMem()
	s := newStore(t, disk)
	put(t, s, "k", []byte("before"))
	trouble := errors.New("the line was cut")
	src := io.MultiReader(strings.NewReader(strings.Repeat("x", 100_000)), iotest.ErrReader(trouble))
	if _, err := s.Put("data", "k", src, s3.Attributes{}, s3.Condition{}, nil); !errors.Is(err, trouble) {
		t.Errorf("%v, want the body's own error", err)
	}
	if got := read(t, s, "k"); string(got) != "before" {
		t.Errorf("%q is left", got)
	}
	if files, _ := disk.List("/s3/bodies"); len(files) != 0 {
		t.Errorf("files %v are left", files)
	}
	for _, tt := range []struct {
		bucket, key string
		want        s3.Code
	}{
		{"none", "k", s3.NoSuchBucket},
		{"data", "", s3.InvalidArgument},
		{"data", strings.Repeat("k", 1025), s3.KeyTooLongError},
		{"data", "\xff", s3.InvalidArgument},
	} {
		if _, err := s.Put(tt.bucket, tt.key, strings.NewReader(""), s3.Attributes{}, s3.Condition{}, nil); code(err) != tt.want {
			t.Errorf("%q %.20q: %v, want %s", tt.bucket, tt.key, err, tt.want)
		}
	}
}

func TestBucketNames(t *testing.T) {
	for name, want := range map[string]bool{
		"abc": true, "a.b-c": true, "amzn-s3-demo-bucket": true, "123": true,
		"ab": false, "Abc": false, "a_b": false, "-abc": false, "abc-": false, "a..b": false, "192.168.0.1": false, "xn--abc": false, "abc-s3alias": false,
		"..": false, "a/b": false, strings.Repeat("a", 64): false,
	} {
		if got := s3.ValidBucketName(name); got != want {
			t.Errorf("%q: %v", name, got)
		}
	}
}

// TestListPages checks that pages of any size join to the whole list, with and without a delimiter.
func TestListPages(t *testing.T) {
	s := newStore(t, vfs.NewMem())
	var keys []string
	for i := range 50 {
		key := fmt.Sprintf("%c/%c/%d", 'a'+i%3, 'x'+i%2, i)
		if i%5 == 0 {
			key = fmt.Sprintf("%02d", i)
		}
		keys = append(keys, key)
		put(t, s, key, nil)
	}
	slices.Sort(keys)
	for _, limit := range []int{1, 2, 7, 50, 1000} {
		for _, o := range []struct {
			prefix, delimiter string
			want              []string
		}{
			{"", "", keys},
			{"", "/", []string{"00", "05", "10", "15", "20", "25", "30", "35", "40", "45", "a/", "b/", "c/"}},
			{"a/", "/", []string{"a/x/", "a/y/"}},
			{"nothing", "/", nil},
		} {
			var got []string
			after := ""
			for {
				page, err := s.List("data", s3.ListOptions{Prefix: o.prefix, Delimiter: o.delimiter, After: after, Limit: limit})
				if err != nil {
					t.Fatal(err)
				}
				for _, i := range page.Objects {
					got = append(got, i.Key)
				}
				got = append(got, page.Prefixes...)
				if after = page.Next; after == "" {
					break
				}
			}
			slices.Sort(got)
			if !slices.Equal(got, o.want) {
				t.Errorf("limit %d, prefix %q, delimiter %q: %q, want %q", limit, o.prefix, o.delimiter, got, o.want)
			}
		}
	}
}

// TestConcurrent replaces one object from many sides while others read it: everyone reads a whole one.
func TestConcurrent(t *testing.T) {
	disk := vfs.NewMem()
	s := newStore(t, disk)
	put(t, s, "k", bytes.Repeat([]byte{'0'}, 40_000))
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range 20 {
				size := 40_000
				if i%3 == 0 {
					size = 10
				}
				put(t, s, "k", bytes.Repeat([]byte{byte('1' + w)}, size))
			}
		})
		wg.Go(func() {
			for range 20 {
				o, err := s.Get("data", "k", "")
				if err != nil {
					t.Error(err)
					return
				}
				body, err := io.ReadAll(o.Reader())
				if err != nil || int64(len(body)) != o.Size || bytes.Count(body, body[:1]) != len(body) {
					t.Errorf("read %d of %d bytes, %v", len(body), o.Size, err)
				}
				_ = o.Close()
			}
		})
	}
	wg.Wait()
	if files, _ := disk.List("/s3/bodies"); len(files) > 1 {
		t.Errorf("files %v are left", files)
	}
}

// TestUnused checks that a store that nobody used leaves no trace.
func TestUnused(t *testing.T) {
	disk := vfs.NewMem()
	s := s3.New("/s3", s3.WithFS(disk))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := disk.Stat("/s3"); err == nil {
		t.Error("there is a folder")
	}
	if _, err := s.Buckets(); err == nil {
		t.Error("a closed store answers")
	}
}
