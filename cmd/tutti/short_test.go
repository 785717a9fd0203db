package main

import "testing"

func TestShort(t *testing.T) {
	r := &remote{
		names:     []shortName{{"watch", "arn:aws:states:eu-central-1:1:stateMachine:dev-watch"}},
		functions: []shortName{{"probe", "arn:aws:lambda:eu-central-1:1:function:Stack-Probe-1"}},
	}
	for arn, want := range map[string]string{
		"arn:aws:states:eu-central-1:1:stateMachine:dev-watch": "watch",
		"arn:aws:lambda:eu-central-1:1:function:Stack-Probe-1": "probe",
		"arn:aws:states:eu-central-1:1:stateMachine:other":     "other",
		"arn:aws:lambda:eu-central-1:1:function:f":             "f",
		"arn:aws:sqs:eu-central-1:1:orders":                    "orders",
		"arn:aws:events:eu-central-1:1:event-bus/shop":         "shop",
		"arn:aws:scheduler:::aws-sdk:sqs:sendMessage":          "sendMessage",
		"watch": "watch",
	} {
		if got := r.short(arn); got != want {
			t.Errorf("%s is called %s, want %s", arn, got, want)
		}
	}
}
