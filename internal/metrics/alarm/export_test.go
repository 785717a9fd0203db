package alarm

// Judge is judge for a line like "0 X - X", the oldest first: 0 is a point within the threshold, X one outside, - none.
func Judge(line string, periods, needed int, treat TreatMissingData) string {
	var points []datapoint
	age := 0
	for i := len(line) - 1; i >= 0; i-- {
		switch line[i] {
		case '0', 'X':
			points = append(points, datapoint{age: age, breach: line[i] == 'X'})
			age++
		case '-':
			age++
		}
	}
	v := judge(points, periods, needed, treat)
	if v.retain {
		return "retain"
	}
	return string(v.value)
}

// Holds works a rule out; the error says that it is none.
func Holds(rule string, state func(string) Value) (bool, error) {
	e, err := parseRule(rule)
	if err != nil {
		return false, err
	}
	e.alarms(nil)
	return e.holds(state), nil
}
