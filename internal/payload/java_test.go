package payload

import (
	"math"
	"regexp"
	"testing"

	"github.com/tutti-run/tutti/internal/value"
)

// The expectations in this file were printed by a Java program (OpenJDK) that does the same with java.util.

func TestJavaRandom(t *testing.T) {
	for _, tt := range []struct {
		seed    int64
		hundred [6]int32 // nextInt(100), six times
		wide    int32    // ints(1, MIN_VALUE, MAX_VALUE)
		pow2    int32    // nextInt(1<<20)
		large   [3]int32 // nextInt(1500000000), three times
	}{
		{42, [6]int32{30, 63, 48, 84, 70, 25}, -1170105035, 762905, [3]int32{117392763, 1467211248, 102948884}},
		{0, [6]int32{60, 48, 29, 47, 15, 53}, -1155484576, 766475, [3]int32{516548029, 1302116447, 1368843515}},
		{-10, [6]int32{83, 29, 8, 51, 60, 33}, 1158562567, 282852, [3]int32{579281283, 39238929, 1044472508}},
	} {
		r := newJavaRandom(tt.seed)
		for i, want := range tt.hundred {
			if got := r.below(100); got != want {
				t.Errorf("seed %d: number %d = %d, want %d", tt.seed, i, got, want)
			}
		}
		r = newJavaRandom(tt.seed)
		for i, want := range tt.large {
			if got := r.below(1_500_000_000); got != want {
				t.Errorf("seed %d: large number %d = %d, want %d", tt.seed, i, got, want)
			}
		}
		if got := newJavaRandom(tt.seed).between(math.MinInt32, math.MaxInt32); got != tt.wide {
			t.Errorf("seed %d: of all = %d, want %d", tt.seed, got, tt.wide)
		}
		if got := newJavaRandom(tt.seed).below(1 << 20); got != tt.pow2 {
			t.Errorf("seed %d: below 2^20 = %d, want %d", tt.seed, got, tt.pow2)
		}
	}
}

func TestJavaHash(t *testing.T) {
	for _, tt := range []struct {
		json string
		want int32
	}{
		{`null`, 0},
		{`true`, 1231},
		{`-7`, -7},
		{`1.5`, 1073217536},
		{`1099511627776`, 256},
		{`123456789012345678901234567890`, 1915528825},
		{`-18446744073709551616`, -961},
		{`"z😀"`, 1890141},
		{`{"k":1,"a":"b"}`, 109},
		{`[1,null,"x"]`, 30872},
	} {
		v, err := value.Parse(tt.json)
		if err != nil {
			t.Fatal(err)
		}
		if got := javaHash(v); got != tt.want {
			t.Errorf("javaHash(%s) = %d, want %d", tt.json, got, tt.want)
		}
	}
}

func TestArrayUniqueOrder(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{
			`[null,"null",-1,100,17,1099511627776,1.5,-0.0,1.0,1,"z😀","",123456789012345678901234567890,-18446744073709551616,{"k":1,"a":"b"}]`,
			`[null,-1,1099511627776,-0.0,"",-18446744073709551616,1,"z😀",100,{"k":1,"a":"b"},1.0,17,"null",123456789012345678901234567890,1.5]`,
		},
		{
			`["item-0","item-1","item-2","item-3","item-4","item-5","item-6","item-7","item-8","item-9","item-10","item-11","item-12","item-13",33,31]`,
			`["item-9","item-8",33,"item-7","item-6","item-5","item-4","item-3","item-2","item-1","item-0","item-10","item-12","item-11","item-13",31]`,
		},
	} {
		v, err := value.Parse(tt.in)
		if err != nil {
			t.Fatal(err)
		}
		got, err := arrayUnique(arguments{values: []value.Value{v}})
		if err != nil || value.Text(got) != tt.want {
			t.Errorf("%s\n got %v, %v\nwant %s", tt.in, value.Text(got), err, tt.want)
		}
	}
}

func TestEachFunctionIsDescribed(t *testing.T) {
	for _, f := range functions {
		if f.comment == "" || f.eval == nil || f.most >= 0 && f.most < f.least {
			t.Errorf("%+v", f.name)
		}
	}
}

func TestChance(t *testing.T) {
	form := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	seen := map[string]bool{}
	for _, seed := range []string{"run-1", "run-2"} {
		for event := range int64(50) {
			c, again := NewChance(seed, event), NewChance(seed, event)
			for range 3 {
				id := c.UUID()
				if !form.MatchString(id) || seen[id] {
					t.Errorf("%s, event %d: %s", seed, event, id)
				}
				if other := again.UUID(); other != id {
					t.Errorf("%s, event %d: %s, then %s", seed, event, id, other)
				}
				seen[id] = true
			}
			if f := c.Float64(); f < 0 || f >= 1 || f != again.Float64() {
				t.Errorf("Float64 = %v", f)
			}
			if n := c.Int64N(3); n < 0 || n >= 3 || n != again.Int64N(3) {
				t.Errorf("Int64N = %d", n)
			}
		}
	}
}
