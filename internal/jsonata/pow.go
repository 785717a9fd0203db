package jsonata

import "math"

// Go's math.Pow errs in the last digits, visibly so for powers of ten. The service's Java, like the C library, is all but correctly rounded;
// so this is exp(y·log(x)) worked out in pairs of doubles, which hold some 100 bits.

// pair is the unevaluated sum of two doubles, the second of which is less than half a unit in the last place of the first.
type pair struct{ high, low float64 }

func sumOf(a, b float64) pair {
	s := a + b
	t := s - a
	return pair{s, (a - (s - t)) + (b - t)}
}

func productOf(a, b float64) pair {
	p := a * b
	return pair{p, math.FMA(a, b, -p)}
}

func (a pair) plus(b pair) pair {
	s := sumOf(a.high, b.high)
	return sumOf(s.high, s.low+a.low+b.low)
}

func (a pair) times(b pair) pair {
	p := productOf(a.high, b.high)
	return sumOf(p.high, p.low+a.high*b.low+a.low*b.high)
}

func (a pair) over(d float64) pair {
	q := a.high / d
	p := productOf(q, d)
	return sumOf(q, (a.high-p.high-p.low+a.low)/d)
}

func (a pair) scaled(f float64) pair { return pair{a.high * f, a.low * f} }

var ln2 = pair{0.6931471805599453, 2.3190468138462996e-17}

// exp returns e^a as a pair and a power of two.
func (a pair) exp() (result pair, exponent int) {
	const halvings = 8
	k := math.Round(a.high / ln2.high)
	r := a.plus(ln2.times(pair{-k, 0})).scaled(1.0 / (1 << halvings))
	// With |r| below 0.0014 the ninth term is less than 2^-104.
	result = pair{1, 0}
	for i := 9.0; i >= 1; i-- {
		result = pair{1, 0}.plus(result.times(r).over(i))
	}
	for range halvings {
		result = result.times(result)
	}
	return result, int(k)
}

// logOf returns the natural logarithm of x > 0: the double nearby, and what it lacks.
func logOf(x float64) pair {
	fraction, exponent := math.Frexp(x)
	near := math.Log(fraction)
	inverse, k := pair{-near, 0}.exp()
	t := inverse.times(pair{math.Ldexp(fraction, k), 0}).plus(pair{-1, 0})
	return pair{near, 0}.plus(pair{t.high - t.high*t.high/2, t.low}).plus(ln2.times(pair{float64(exponent), 0}))
}

// inverse is 1/a.
func (a pair) inverse() pair {
	q := 1 / a.high
	rest := a.times(pair{-q, 0}).plus(pair{1, 0})
	return sumOf(q, rest.high*q)
}

// pairPower is x to the power of n by squaring, exact as long as that has no more than 106 bits.
func pairPower(x float64, n int) pair {
	result, square := pair{1, 0}, pair{x, 0}
	for ; n > 0; n >>= 1 {
		if n&1 == 1 {
			result = result.times(square)
		}
		square = square.times(square)
	}
	return result
}

// pow is x to the power of y.
func pow(x, y float64) float64 {
	size := math.Abs(x)
	if x == 0 || y == 0 || x != x || y != y || math.IsInf(x, 0) || math.IsInf(y, 0) || x < 0 && y != math.Trunc(y) {
		return math.Pow(x, y)
	}
	sign := 1.0
	if x < 0 && math.Mod(y, 2) != 0 {
		sign = -1
	}
	if n := math.Abs(y); n == math.Trunc(n) && n <= 1024 {
		if whole := pairPower(size, int(n)); whole.high > 1e-280 && whole.high < 1e280 {
			if y < 0 {
				whole = whole.inverse()
			}
			return sign * (whole.high + whole.low)
		}
	}
	power := logOf(size).times(pair{y, 0})
	switch {
	case power.high > 710:
		return math.Inf(int(sign))
	case power.high < -746 || power.high != power.high:
		return math.Copysign(0, sign)
	}
	result, exponent := power.exp()
	return sign * math.Ldexp(result.high+result.low, exponent)
}
