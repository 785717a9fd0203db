// Package probe is the vocabulary of endpoint probes: the record of one probe and the statuses it can have. Records travel
// between functions as JSON (schemas/probe-endpoint.output.schema.json); the package does nothing but name them.
package probe
