// Package value is execution data: the JSON that flows through a state machine.
//
// A [Value] is a closed sum of seven forms. Three properties set it apart from encoding/json's any:
//
//   - objects keep the order of their members, as AWS does in everything that it prints;
//   - integers within 64 bits stay exact, larger ones keep their digits, and other numbers are doubles, printed as
//     Java prints them, because the service runs on a JVM;
//   - a value is immutable once it is built, so any number of executions may share one.
//
// [Data] pairs a value with its text. A text passes through states that do not alter it unchanged, to the last blank,
// and is parsed only when somebody looks inside.
//
// Data comes in through [Parse] and [ParseData], which bound depth and refuse what is not JSON with line, column and byte offset, and
// leaves through [Text] and [AppendJSON]. The package does no I/O, keeps no state and knows no query language.
package value
