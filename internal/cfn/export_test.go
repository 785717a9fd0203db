package cfn

// PolicyTemplateParameters returns the parameters of each policy template.
func PolicyTemplateParameters() map[string][]string {
	parameters := map[string][]string{}
	for name, t := range policyTemplates() {
		parameters[name] = t.parameters
	}
	return parameters
}
