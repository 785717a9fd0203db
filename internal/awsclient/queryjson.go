package awsclient

import (
	"slices"
	"strings"

	"github.com/tutti-run/tutti/internal/awsmodel"
	"github.com/tutti-run/tutti/internal/value"
)

// QueryResponseInJSON turns the body of an answer in the JSON protocol into what services of the query protocol write for clients that accept JSON alone, as
// API Gateway does: the elements of the XML in the order of their names, with null for those that are missing.
func QueryResponseInJSON(_ awsmodel.Protocol, s *awsmodel.Service, o *awsmodel.Operation, body []byte, requestID string) ([]byte, error) {
	v, err := value.Parse(string(body))
	if err != nil {
		return nil, err
	}
	members := []value.Member{{Name: "ResponseMetadata", Value: value.NewObject(value.Member{Name: "RequestId", Value: value.String(requestID)})}}
	if o.Output != nil {
		result := queryJSON(queryShape(s, o.Output), v, false)
		if received, ok := result.(*value.Object); ok && s.ID == "SQS" && o.Name == "ReceiveMessage" {
			messages, _ := received.Get("Messages")
			result = value.NewObject(value.Member{Name: "messages", Value: messages}) // which begins with a small letter here alone
		}
		members = append(members, value.Member{Name: orElse(o.Wrapper, o.Name+"Result"), Value: result})
	}
	return []byte(value.Text(value.NewObject(value.Member{Name: o.Name + "Response", Value: value.NewObject(byName(members)...)}))), nil
}

// QueryErrorInJSON writes an error as QueryResponseInJSON does an answer.
func QueryErrorInJSON(e ServiceFault) []byte {
	blame := "Receiver"
	if e.Sender {
		blame = "Sender"
	}
	return []byte(value.Text(value.NewObject(
		value.Member{Name: "Error", Value: value.NewObject(
			value.Member{Name: "Code", Value: value.String(e.Code)}, value.Member{Name: "Message", Value: value.String(e.Message)},
			value.Member{Name: "Type", Value: value.String(blame)},
		)},
		value.Member{Name: "RequestId", Value: value.String(e.RequestID)},
	)))
}

func byName(members []value.Member) []value.Member {
	slices.SortFunc(members, func(a, b value.Member) int { return strings.Compare(a.Name, b.Name) })
	return members
}

// queryJSON writes a value of a shape. Maps without an element around them are lists of names and values, as in the XML.
func queryJSON(s *awsmodel.Shape, v value.Value, flat bool) value.Value {
	switch given := v.(type) {
	case value.Array:
		if s.Kind != awsmodel.List {
			return v
		}
		list := make(value.Array, len(given))
		for i := range given {
			list[i] = queryJSON(s.Elem, given[i], false)
		}
		return list
	case *value.Object:
		var members []value.Member
		switch {
		case s.Kind == awsmodel.Structure:
			for i := range s.Members {
				m := &s.Members[i]
				inner := value.Value(value.Null{})
				if found, ok := wireNames.given(given, m); ok {
					inner = queryJSON(m.Shape, found, m.Flat)
				}
				members = append(members, value.Member{Name: m.Name, Value: inner})
			}
			members = byName(members)
		case s.Kind == awsmodel.Map && (flat || s.Flat):
			list := value.Array{}
			for name, inner := range given.All() {
				list = append(list, value.NewObject(
					value.Member{Name: orElse(s.KeyName, "key"), Value: value.String(name)},
					value.Member{Name: orElse(s.ElemName, "value"), Value: queryJSON(s.Elem, inner, false)},
				))
			}
			return list
		case s.Kind == awsmodel.Map:
			for name, inner := range given.All() {
				members = append(members, value.Member{Name: name, Value: queryJSON(s.Elem, inner, false)})
			}
		default:
			return v
		}
		return value.NewObject(members...)
	}
	return v
}
