package s3

// OperationNames lists the table of operations.
func OperationNames() []string {
	var names []string
	for _, o := range operations {
		names = append(names, o.name)
	}
	return names
}
