package asl

import "github.com/tutti-run/tutti/internal/value"

// Operator is a comparison operator of Choice rules, named without the suffix Path.
type Operator string

// OperandType is the JSON type that an operator's operand must have.
type OperandType = value.Kind

// OperatorInfo describes an operator.
type OperatorInfo struct {
	Name    Operator
	Operand OperandType
	// Timestamp tells that the operand is an RFC 3339 timestamp.
	Timestamp bool
	// HasPath tells whether there is a twin whose operand is a path.
	HasPath bool
}

// Operators lists the 23 operators; with the twins that end in Path they are 39 (spec "Choice State", Data-test expressions).
func Operators() []OperatorInfo {
	operators := []OperatorInfo{
		{Name: "StringMatches", Operand: value.KindString},
		{Name: "IsNull", Operand: value.KindBool},
		{Name: "IsPresent", Operand: value.KindBool},
		{Name: "IsNumeric", Operand: value.KindBool},
		{Name: "IsString", Operand: value.KindBool},
		{Name: "IsBoolean", Operand: value.KindBool},
		{Name: "IsTimestamp", Operand: value.KindBool},
		{Name: "BooleanEquals", Operand: value.KindBool, HasPath: true},
	}
	for _, family := range []OperatorInfo{
		{Name: "String", Operand: value.KindString},
		{Name: "Numeric", Operand: value.KindNumber},
		{Name: "Timestamp", Operand: value.KindString, Timestamp: true},
	} {
		for _, relation := range []Operator{"Equals", "LessThan", "GreaterThan", "LessThanEquals", "GreaterThanEquals"} {
			operators = append(operators, OperatorInfo{family.Name + relation, family.Operand, family.Timestamp, true})
		}
	}
	return operators
}
