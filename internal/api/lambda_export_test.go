package api

// LambdaOperationNames lists the table of Lambda's operations.
func LambdaOperationNames() []string {
	var names []string
	for _, o := range lambdaOperations {
		names = append(names, o.name)
	}
	return names
}
