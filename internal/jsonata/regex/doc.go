// Package regex is JavaScript's regular expressions (ECMA-262, without the u, v and y flags, with the web's Annex B): what stands between
// slashes in JSONata means exactly that.
//
// [Compile] turns a pattern into a program that never changes and may be shared by goroutines. A [Text] is a string prepared for matching,
// and [Regexp.Match] runs the program over it from a place onwards. Places count UTF-16 code units, as JavaScript does; a text of
// nothing but ASCII is matched on its bytes.
//
// The matcher is a backtracking virtual machine with its own stack, so that a match can neither overflow the goroutine's stack nor run
// away: it asks its caller again and again whether it may go on. Go's own regexp was not taken, because it has neither look-around nor
// back references and resolves alternatives inside repetitions in another way.
//
// The package does no I/O, starts no goroutine and keeps no state.
package regex
