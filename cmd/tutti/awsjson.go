package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/aws/smithy-go/middleware"
)

// printJSON prints a value as one JSON document, with members in lower camel case, as Step Functions has them.
func (c *cli) printJSON(v any) error { return c.printNamed(v, lowerFirst) }

// printNamed prints a value as one JSON document, with members as name changes those of the SDK.
func (c *cli) printNamed(v any, name func(string) string) error {
	var document bytes.Buffer
	if err := appendAWS(&document, reflect.ValueOf(v), name); err != nil {
		return fmt.Errorf("print as JSON: %w", err)
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, document.Bytes(), "", "  "); err != nil {
		return fmt.Errorf("print as JSON: %w", err)
	}
	c.out.println(indented.String())
	return nil
}

// appendAWS writes a value of the SDK's types as the AWS command line does: members as name has them and without those that are absent,
// times in RFC 3339. The SDK's types have no JSON form of their own.
func appendAWS(dst *bytes.Buffer, v reflect.Value, name func(string) string) error {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			dst.WriteString("null")
			return nil
		}
		return appendAWS(dst, v.Elem(), name)
	case reflect.Struct:
		if t, ok := v.Interface().(time.Time); ok {
			return appendText(dst, t.UTC().Format("2006-01-02T15:04:05.000Z07:00"))
		}
		return appendStruct(dst, v, name)
	case reflect.Slice:
		dst.WriteByte('[')
		for i := range v.Len() {
			if i > 0 {
				dst.WriteByte(',')
			}
			if err := appendAWS(dst, v.Index(i), name); err != nil {
				return err
			}
		}
		dst.WriteByte(']')
		return nil
	case reflect.String:
		return appendText(dst, v.String())
	}
	encoded, err := json.Marshal(v.Interface())
	dst.Write(encoded)
	return err
}

func appendStruct(dst *bytes.Buffer, v reflect.Value, name func(string) string) error {
	dst.WriteByte('{')
	first := true
	for i := range v.NumField() {
		field := v.Type().Field(i)
		if !field.IsExported() || field.Type == reflect.TypeFor[middleware.Metadata]() || absent(v.Field(i)) {
			continue
		}
		if !first {
			dst.WriteByte(',')
		}
		first = false
		if err := appendText(dst, name(field.Name)); err != nil {
			return err
		}
		dst.WriteByte(':')
		if err := appendAWS(dst, v.Field(i), name); err != nil {
			return err
		}
	}
	dst.WriteByte('}')
	return nil
}

// absent tells whether the SDK's value stands for a member that was not there.
func absent(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface, reflect.Map, reflect.Slice:
		return v.IsNil()
	case reflect.String:
		return v.Len() == 0 // enums
	}
	return false
}

// appendText writes a string without taking < and > for HTML.
func appendText(dst *bytes.Buffer, s string) error {
	encoder := json.NewEncoder(dst)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(s)
}

func lowerFirst(s string) string {
	r, size := utf8.DecodeRuneInString(s)
	return string(unicode.ToLower(r)) + s[size:]
}
