package value

import "iter"

// What follows reads members of documents in which anything may be absent, such as API definitions: a nil *Object has no members, and a member of another
// kind than is asked for is as good as absent.

// Lookup returns the value of the member name.
func Lookup(o *Object, name string) (Value, bool) {
	if o == nil {
		return nil, false
	}
	return o.Get(name)
}

// Members ranges over names and values in order.
func Members(o *Object) iter.Seq2[string, Value] {
	if o == nil {
		return func(func(string, Value) bool) {}
	}
	return o.All()
}

// ObjectAt returns the member name if it is an object, else nil.
func ObjectAt(o *Object, name string) *Object {
	v, _ := Lookup(o, name)
	found, _ := v.(*Object)
	return found
}

// ArrayAt returns the member name if it is an array, else nil.
func ArrayAt(o *Object, name string) Array {
	v, _ := Lookup(o, name)
	found, _ := v.(Array)
	return found
}

// TextAt returns the member name: a string as it is, "" if there is none, and anything else as compact JSON.
func TextAt(o *Object, name string) string {
	v, _ := Lookup(o, name)
	switch v := v.(type) {
	case nil:
		return ""
	case String:
		return string(v)
	default:
		return Text(v)
	}
}

// Texts returns the strings of an array, leaving out everything else.
func Texts(list Array) (texts []string) {
	for _, v := range list {
		if text, ok := v.(String); ok {
			texts = append(texts, string(text))
		}
	}
	return texts
}

// TextMembers returns all members as [TextAt] does; nil of a nil *Object.
func TextMembers(o *Object) map[string]string {
	if o == nil {
		return nil
	}
	texts := map[string]string{}
	for name := range o.All() {
		texts[name] = TextAt(o, name)
	}
	return texts
}
