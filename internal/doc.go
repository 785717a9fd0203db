// Package internal holds the packages of the tool, a ladder of rungs; layers_test.go keeps it one.
package internal
