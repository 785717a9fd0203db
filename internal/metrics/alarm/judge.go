package alarm

import "slices"

// datapoint is the value of one period.
type datapoint struct {
	age    int // periods back: 0 is the last one
	value  float64
	count  float64 // samples in it; 0 if not known
	breach bool
}

// extraPeriods is how many more periods are retrieved than EvaluationPeriods, in case some are missing. AWS's examples have two (user
// guide, "How alarm state is evaluated when data is missing").
const extraPeriods = 2

// verdict is what data points come to.
type verdict struct {
	value     Value
	retain    bool        // the state stays as it is
	evaluated []datapoint // those that decided, the newest first
	filled    int         // missing ones that were counted as something
}

// judge makes a state of the data points of the evaluation range, the newest first, of which those that are missing are left out. periods is
// N, needed is M of an M out of N alarm.
//
// With N points or more the newest N decide. With fewer, each missing one counts as treat says. For Missing and Ignore there is one more
// rule: if all points there are breach and the oldest is M periods old, it is an alarm, since waiting cannot make it less of one (user
// guide, "Avoiding premature transitions to alarm state").
func judge(points []datapoint, periods, needed int, treat TreatMissingData) verdict {
	v := verdict{evaluated: points[:min(len(points), periods)]}
	breaching := 0
	for _, p := range v.evaluated {
		if p.breach {
			breaching++
		}
	}
	fill := periods - len(v.evaluated)
	switch {
	case fill == 0 || treat == NotBreaching:
		v.filled = fill
	case treat == Breaching:
		breaching, v.filled = breaching+fill, fill
	case len(points) == 0:
		v.value, v.retain = Insufficient, treat == Ignore
		return v
	case breaching >= needed || slices.ContainsFunc(points, func(p datapoint) bool { return !p.breach }):
	case points[len(points)-1].age+1 >= needed:
		v.value, v.retain = InAlarm, treat == Ignore
		return v
	default: // a few recent breaches: too early to say
		v.value, v.retain = Insufficient, treat == Ignore
		return v
	}
	v.value = OK
	if breaching >= needed {
		v.value = InAlarm
	}
	return v
}

// tooFew tells whether percentiles of so few values mean nothing (user guide, "Percentile-based alarms and low data samples").
func tooFew(points []datapoint, percentile float64) bool {
	total, p := 0.0, percentile/100
	for _, d := range points {
		total += d.count
	}
	if p < 0.5 {
		return total*p < 10
	}
	return total*(1-p) < 10
}
