// Package schema holds one noun: a JSON Schema that JSON text is held to.
//
// A schema comes in as a file of an fs.FS, together with the files it refers to, and is compiled once. JSON text comes in as
// bytes; what leaves is a list of violations, each with the JSON Pointer of the fault and what was expected there.
//
// The dialect is draft 2020-12 unless a file's $schema names another. Formats are asserted, not merely annotated. Patterns
// are RE2 (package regexp), so no pattern can run away; look-around and back-references are errors when compiling.
// Numbers are IEEE 754 doubles, as they are in Step Functions.
//
// The package never opens a file or a connection: a $ref that leads out of the given fs.FS is an error when compiling. It is
// the only package that imports the JSON Schema library.
package schema
