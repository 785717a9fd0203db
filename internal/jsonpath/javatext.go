package jsonpath

import (
	"math"

	"github.com/tutti-run/tutti/internal/value"
)

// javaText is v as Java's toString writes it, which shows in Jayway's messages and in concat: {a=1, b=[x, y]}.
func javaText(v value.Value) string { return string(appendJavaText(nil, v)) }

func appendJavaText(dst []byte, v value.Value) []byte {
	switch v := v.(type) {
	case value.String:
		return append(dst, v...)
	case keySet:
		return appendJavaText(dst, v.Array)
	case value.Array:
		dst = append(dst, '[')
		for i, item := range v {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			dst = appendJavaText(dst, item)
		}
		return append(dst, ']')
	case *value.Object:
		dst = append(dst, '{')
		for i := range v.Len() {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			dst = append(append(dst, v.At(i).Name...), '=')
			dst = appendJavaText(dst, v.At(i).Value)
		}
		return append(dst, '}')
	}
	return value.AppendJSON(dst, v)
}

// className is the Java class of v, which shows in Jayway's messages.
func className(v value.Value) string {
	switch v := v.(type) {
	case value.Bool:
		return "java.lang.Boolean"
	case value.Int:
		if v < math.MinInt32 || v > math.MaxInt32 {
			return "java.lang.Long"
		}
		return "java.lang.Integer"
	case value.BigInt:
		return "java.math.BigInteger"
	case value.Float:
		return "java.lang.Double"
	case value.String:
		return "java.lang.String"
	case value.Array:
		return "java.util.ArrayList"
	case *value.Object:
		return "java.util.LinkedHashMap"
	case keySet:
		return "java.util.LinkedHashMap$LinkedKeySet"
	}
	return "null"
}
