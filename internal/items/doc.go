// Package items reads what a distributed Map goes over: the objects of a bucket, or what is in them.
//
// An ItemReader and the place that it names come in through [Read]; items leave through an iterator, one at a time, so that a file of any size passes
// through little memory. What is in a file is taken for CSV, JSON, JSON Lines, Parquet, or a manifest that names further files, as the ItemReader
// says (developer guide, "ItemReader"); .gz and .zst at the end of a key tell that it is compressed.
//
// The package starts no goroutine, writes nothing, and does not know what becomes of an item. Whatever is wrong with what it reads is an [Error] with a
// sentence for a person.
package items
