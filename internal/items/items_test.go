package items_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go"

	"github.com/tutti-run/tutti/internal/asl"
	"github.com/tutti-run/tutti/internal/items"
	"github.com/tutti-run/tutti/internal/s3"
	"github.com/tutti-run/tutti/internal/value"
)

// bucket returns a store whose bucket "data" has the objects.
func bucket(t testing.TB, objects map[string]string) *s3.Store {
	t.Helper()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	s := s3.New("s3", s3.WithFS(vfs.NewMem()), s3.WithClock(func() time.Time { return now }))
	t.Cleanup(func() { _ = s.Close() })
	if err := s.CreateBucket("data"); err != nil {
		t.Fatal(err)
	}
	for key, body := range objects {
		if _, err := s.Put("data", key, strings.NewReader(body), s3.Attributes{}, s3.Condition{}, nil); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// read returns the items, a line each, or what is wrong.
func read(t testing.TB, s *s3.Store, how *asl.ItemReader, at items.Location) string {
	t.Helper()
	var b strings.Builder
	for it, err := range items.Read(t.Context(), s, how, at) {
		var wrong *items.Error
		switch {
		case errors.As(err, &wrong):
			fmt.Fprintf(&b, "error: %s\n", wrong.Cause)
		case err != nil:
			t.Fatal(err)
		case it.Keyed:
			fmt.Fprintf(&b, "%s=%s\n", it.Key, value.Text(it.Value))
		default:
			fmt.Fprintln(&b, value.Text(it.Value))
		}
	}
	return b.String()
}

func TestFiles(t *testing.T) {
	long := strings.Repeat("x", 8<<20)
	for _, tt := range []struct {
		name, body string
		how        asl.ItemReader
		want       string
	}{
		{"header in the first row", "a,b\n1,2\n3,4", asl.ItemReader{InputType: "CSV"}, "{\"a\":\"1\",\"b\":\"2\"}\n{\"a\":\"3\",\"b\":\"4\"}\n"},
		{"header given", "1|2\n", asl.ItemReader{InputType: "CSV", HeaderGiven: true, CSVHeaders: []string{"a", "b"}, CSVDelimiter: "PIPE"}, "{\"a\":\"1\",\"b\":\"2\"}\n"},
		{"too short and too long", "a,b\n1\n1,2,3\n", asl.ItemReader{InputType: "CSV"}, "{\"a\":\"1\",\"b\":\"\"}\n{\"a\":\"1\",\"b\":\"2\"}\n"},
		{"quotes", "a,b\r\n\"x \"\"y\"\", z\",\"two\nlines\"\r\n", asl.ItemReader{InputType: "CSV"}, "{\"a\":\"x \\\"y\\\", z\",\"b\":\"two\\nlines\"}\n"},
		{"backslashes", `a,b` + "\n" + `x\,y,\\z\"\n`, asl.ItemReader{InputType: "CSV"}, "{\"a\":\"x,y\",\"b\":\"\\\\z\\\"n\"}\n"},
		{"byte order mark and empty lines", "\ufeffa\n\n1\n\n", asl.ItemReader{InputType: "CSV"}, "{\"a\":\"1\"}\n"},
		{"tabs", "a\tb\n1\t2", asl.ItemReader{InputType: "CSV", CSVDelimiter: "TAB"}, "{\"a\":\"1\",\"b\":\"2\"}\n"},
		{"an empty file", "", asl.ItemReader{InputType: "CSV"}, ""},
		{"a header alone", "a,b\n", asl.ItemReader{InputType: "CSV"}, ""},
		{"a header twice", "a,a\n1,2\n", asl.ItemReader{InputType: "CSV"}, "error: CSV headers cannot contain duplicates.\n"},
		{"a header over 10 KB", strings.Repeat("h", 10<<10) + "1\n1", asl.ItemReader{InputType: "CSV"}, "error: CSV headers cannot exceed 10 KB.\n"},
		{"an open quote", "a\n\"1\n", asl.ItemReader{InputType: "CSV"}, "error: The CSV file ends inside of a quoted value that begins before line 4.\n"},
		{"an item over 8 MB", "a\n" + long + "x\n", asl.ItemReader{InputType: "CSV"}, "error: An item has more than the limit of 8 MB.\n"},

		{"an array", ` [1, "a,]", {"b": [2, {}]}, null ] `, asl.ItemReader{InputType: "JSON"}, "1\n\"a,]\"\n{\"b\":[2,{}]}\nnull\n"},
		{"an empty array", `[]`, asl.ItemReader{InputType: "JSON"}, ""},
		{"a pointer", `{"x":"]}","a/b":[0,{"~":[1,2]}]}`, asl.ItemReader{InputType: "JSON", ItemsPointer: "/a~1b/1/~0"}, "1\n2\n"},
		{"an object below a pointer", `{"x":{"b":1,"a":[2]}}`, asl.ItemReader{InputType: "JSON", ItemsPointer: "/x"}, "b=1\na=[2]\n"},
		{"a pointer to nothing", `{"x":1}`, asl.ItemReader{InputType: "JSON", ItemsPointer: "/y"}, "error: There is nothing in the file that ItemsPointer /y points at.\n"},
		{"a pointer through a number", `{"x":1}`, asl.ItemReader{InputType: "JSON", ItemsPointer: "/x/y"}, "error: There is nothing in the file that ItemsPointer /x/y points at.\n"},
		{"a pointer to a number", `{"x":1}`, asl.ItemReader{InputType: "JSON", ItemsPointer: "/x"}, "error: Attempting to map over non-iterable node.\n"},
		{"an object", `{"x":1}`, asl.ItemReader{InputType: "JSON"}, "error: Attempting to map over non-iterable node.\n"},
		{"a text", `"x"`, asl.ItemReader{InputType: "JSON"}, "error: Attempting to map over non-iterable node.\n"},
		{"an array that ends early", `[1,`, asl.ItemReader{InputType: "JSON"}, "1\nerror: The file is not the JSON that was expected: it ends too early (at byte 3).\n"},
		{"an item that is none", `[1,nil]`, asl.ItemReader{InputType: "JSON"}, "1\nerror: The file is not the JSON that was expected: an item is not JSON: *\n"},
		{"something behind", `[1] 2`, asl.ItemReader{InputType: "JSON"}, "1\nerror: The file is not the JSON that was expected: something stands behind the array (at byte 4).\n"},

		{"lines", "{\"a\": 1}\r\n\n[2]\n\"x\"", asl.ItemReader{InputType: "JSONL"}, "{\"a\":1}\n[2]\n\"x\"\n"},
		{"a line that is none", "1\n{\n", asl.ItemReader{InputType: "JSONL"}, "1\nerror: Line 2 of the JSON Lines file is not JSON: *\n"},
		{"a line over 8 MB", "\"" + long + "\"", asl.ItemReader{InputType: "JSONL"}, "error: An item has more than the limit of 8 MB.\n"},
		{"no type", "1", asl.ItemReader{}, "error: The field 'InputType' of the ReaderConfig is missing.\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := read(t, bucket(t, map[string]string{"k": tt.body}), &tt.how, items.Location{Bucket: "data", Key: "k"})
			if front, some := strings.CutSuffix(tt.want, "*\n"); some && strings.HasPrefix(got, front) {
				return
			}
			if got != tt.want {
				t.Errorf("%.300s, want\n%s", got, tt.want)
			}
		})
	}
}

func gzipped(text string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write([]byte(text))
	_ = z.Close()
	return b.String()
}

func TestPlaces(t *testing.T) {
	z, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	s := bucket(t, map[string]string{
		"a.jsonl.gz": gzipped("1\n2"), "b.jsonl.zst": string(z.EncodeAll([]byte("3"), nil)), "bad.gz": "no", "folder/": "", "folder/x": "4\n", "folder/y": "5\n",
		"manifest.json":    `{"destinationBucket":"arn:aws:s3:::data","fileFormat":"CSV","fileSchema":"Bucket, Key, Size","files":[{"key":"inventory.csv.gz"}]}`,
		"orc.json":         `{"destinationBucket":"arn:aws:s3:::data","fileFormat":"ORC","files":[{"key":"x"}]}`,
		"inventory.csv.gz": gzipped("\"data\",\"a%20b\",\"12\"\n"),
		"athena.csv":       "s3://data/folder/x\n\ns3://data/a.jsonl.gz\n", "wrong.csv": "data/x\n",
	})
	list, lines := asl.Resource{API: "listObjectsV2"}, asl.ItemReader{InputType: "JSONL"}
	for _, tt := range []struct {
		name string
		how  asl.ItemReader
		at   items.Location
		want string
	}{
		{"gzip", lines, items.Location{Key: "a.jsonl.gz"}, "1\n2\n"},
		{"zstd", lines, items.Location{Key: "b.jsonl.zst"}, "3\n"},
		{"no gzip", lines, items.Location{Key: "bad.gz"}, "error: The file bad.gz is not compressed with gzip: *\n"},
		{"a version", lines, items.Location{Key: "folder/x", Version: "null"}, "4\n"},
		{"no such version", lines, items.Location{Key: "folder/x", Version: "v1"}, "error: The specified version does not exist.\n"},
		{"no such key", lines, items.Location{Key: "x"}, "error: The specified key does not exist.\n"},
		{"no such bucket", lines, items.Location{Bucket: "none", Key: "x"}, "error: The specified bucket does not exist\n"},
		{"no key", lines, items.Location{}, "error: The field 'Key' of the ItemReader is missing or empty.\n"},
		{"objects", asl.ItemReader{Resource: list}, items.Location{Prefix: "folder/"},
			`{"Etag":"\"d41d8cd98f00b204e9800998ecf8427e\"","Key":"folder/","LastModified":1772366400,"Size":0,"StorageClass":"STANDARD"}` + "\n" +
				`{"Etag":"\"48a24b70a0b376535542b996af517398\"","Key":"folder/x","LastModified":1772366400,"Size":2,"StorageClass":"STANDARD"}` + "\n" +
				`{"Etag":"\"1dcca23355272056f04fe8bf20edfce0\"","Key":"folder/y","LastModified":1772366400,"Size":2,"StorageClass":"STANDARD"}` + "\n"},
		{"what is in objects", asl.ItemReader{Resource: list, InputType: "JSONL", Transformation: "LOAD_AND_FLATTEN"}, items.Location{Prefix: "folder/"}, "4\n5\n"},
		{"an inventory", asl.ItemReader{InputType: "MANIFEST", ManifestType: "S3_INVENTORY"}, items.Location{Key: "manifest.json"}, `{"Bucket":"data","Key":"a%20b","Size":"12"}` + "\n"},
		{"an inventory by default", asl.ItemReader{InputType: "MANIFEST"}, items.Location{Key: "manifest.json"}, `{"Bucket":"data","Key":"a%20b","Size":"12"}` + "\n"},
		{"an inventory in ORC", asl.ItemReader{InputType: "MANIFEST"}, items.Location{Key: "orc.json"}, "error: Inventories in the format ORC cannot be read; CSV and Parquet can.\n"},
		{"no inventory", asl.ItemReader{InputType: "MANIFEST"}, items.Location{Key: "athena.csv"}, "error: The manifest is not that of an Amazon S3 inventory: *\n"},
		{"Athena's data", asl.ItemReader{InputType: "JSONL", ManifestType: "ATHENA_DATA"}, items.Location{Key: "athena.csv"}, "4\n1\n2\n"},
		{"not Athena's data", asl.ItemReader{InputType: "JSONL", ManifestType: "ATHENA_DATA"}, items.Location{Key: "wrong.csv"}, "error: Line 1 of the manifest is not a URI like s3://bucket/key: \"data/x\".\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.at.Bucket == "" {
				tt.at.Bucket = "data"
			}
			got := read(t, s, &tt.how, tt.at)
			if front, some := strings.CutSuffix(tt.want, "*\n"); some && strings.HasPrefix(got, front) {
				return
			}
			if got != tt.want {
				t.Errorf("%s, want\n%s", got, tt.want)
			}
		})
	}
}

// row has a column of each kind.
type row struct {
	Name   string           `parquet:"name"`
	ID     [16]byte         `parquet:"id,uuid"`
	Count  int64            `parquet:"count"`
	Share  float64          `parquet:"share"`
	Flag   bool             `parquet:"flag"`
	Maybe  *int32           `parquet:"maybe,optional"`
	List   []string         `parquet:"list,list"`
	Map    map[string]int64 `parquet:"map"`
	Bytes  []byte           `parquet:"bytes"`
	Nested struct {
		B int32 `parquet:"b"`
		A int32 `parquet:"a"`
	} `parquet:"nested"`
}

func parquetFile(t testing.TB, rows ...row) string {
	t.Helper()
	var b bytes.Buffer
	w := parquet.NewGenericWriter[row](&b)
	if _, err := w.Write(rows); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestParquet(t *testing.T) {
	seven := int32(7)
	first := row{Name: "ä", Count: 9007199254740993, Share: 0.5, Flag: true, Maybe: &seven, List: []string{"x", "y"}, Map: map[string]int64{"k": 1}, Bytes: []byte{0xff}}
	first.Nested.B, first.Nested.A = 1, 2
	text := parquetFile(t, first, row{Name: "b"})
	s := bucket(t, map[string]string{"k": text, "cut": text[:len(text)/2] + "PAR1", "none": "no"})
	how := &asl.ItemReader{InputType: "PARQUET"}
	want := `{"name":"ä","id":"00000000-0000-0000-0000-000000000000","count":9007199254740993,"share":0.5,"flag":true,"maybe":7,"list":["x","y"],"map":{"k":1},"bytes":"/w==","nested":{"b":1,"a":2}}` + "\n"
	if got := read(t, s, how, items.Location{Bucket: "data", Key: "k"}); !strings.HasPrefix(got, want) || strings.Count(got, "\n") != 2 {
		t.Errorf("%s, want\n%s", got, want)
	}
	for _, key := range []string{"cut", "none"} {
		if got := read(t, s, how, items.Location{Bucket: "data", Key: key}); !strings.HasPrefix(got, "error: ") {
			t.Errorf("%s: %s", key, got)
		}
	}
	if got := read(t, s, how, items.Location{Bucket: "data", Key: "k", Version: "null"}); got != "error: VersionId is not supported for Parquet files.\n" {
		t.Error(got)
	}
}

// FuzzRead reads anything as anything: there are items or an error, never a panic, and what is read is JSON.
func FuzzRead(f *testing.F) {
	f.Add("a,b\n1,\"2\n\"\"\",\\,\n", "CSV", "", "SPACE")
	f.Add(`{"a":[1,{"b":"]"}]}`, "JSON", "/a", "")
	f.Add(`[[],[{}],"\u00e4"]`, "JSON", "", "")
	f.Add("1\n{\"a\":2}\n", "JSONL", "", "")
	f.Add(`{"destinationBucket":"data","fileFormat":"CSV","fileSchema":"a","files":[{"key":"k"}]}`, "MANIFEST", "", "")
	f.Add("s3://data/k\n", "MANIFEST", "ATHENA", "")
	f.Add(parquetFile(f, row{Name: "x"}), "PARQUET", "", "")
	f.Fuzz(func(t *testing.T, body, inputType, pointer, delimiter string) {
		how := &asl.ItemReader{InputType: inputType, ItemsPointer: pointer, CSVDelimiter: delimiter}
		if pointer == "ATHENA" {
			how = &asl.ItemReader{InputType: "CSV", ManifestType: "ATHENA_DATA"}
		}
		n := 0
		for it, err := range items.Read(t.Context(), bucket(t, map[string]string{"k": body}), how, items.Location{Bucket: "data", Key: "k"}) {
			var wrong *items.Error
			if err != nil && !errors.As(err, &wrong) {
				t.Fatalf("not an error of the data: %v", err)
			}
			if err == nil {
				if _, err := value.Parse(value.Text(it.Value)); err != nil {
					t.Fatalf("%q is not JSON: %v", value.Text(it.Value), err)
				}
			}
			if n++; n > len(body)+1 {
				t.Fatal("more items than bytes")
			}
		}
	})
}
