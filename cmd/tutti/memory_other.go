//go:build !linux

package main

import "runtime/debug"

// giveBackStartup returns the memory that only the start needed.
func giveBackStartup() { debug.FreeOSMemory() }
