// Package metrics is Amazon CloudWatch's store of metrics, embedded: values in time under a namespace, a name and dimensions, kept on disk
// within bounds, read as statistics and combined by metric math.
//
// Values come in through [Service.Put], which returns when they are on disk, through [Service.Append], which returns at once, and through a
// [Counter], which costs a lock and an addition: services count themselves that way. They leave through [Service.Points], as [Aggregate]s a
// period, and through [Service.Data], which answers GetMetricData's queries, expressions included.
//
// # On disk
//
// The folder is a Pebble tree of its own, made when the first value is written. A key is a series, a resolution and a time; a value is the
// aggregate of what was measured then. What comes in is a change that the tree merges into what it has, so writing reads nothing. Aggregates
// keep their values' distribution, exactly up to a few hundred different ones, then in rounded figures, so percentiles can be had of them.
// Seconds are summed up to minutes after three hours, minutes to five after 15 days, those to hours after 63 days, and hours go after
// 455 days (user guide, "Metrics retention"). When the folder is larger than it may become, the oldest day of all series goes.
//
// After a power cut or a kill the last second of what was appended may be missing.
//
// # Never
//
// The package starts one goroutine, which [Service.Close] ends. It knows nothing of executions and functions and never asks the network.
package metrics
