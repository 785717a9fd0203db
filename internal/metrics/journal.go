package metrics

// Document is one document of a collection, in which alarms and dashboards are kept.
type Document struct {
	Key   string
	Value []byte
}

// Change puts a document or, without a value, deletes it.
type Change struct {
	Collection, Key string
	Value           []byte
}
