package value

// Data is a piece of execution data: a JSON text, its value, or both. Whichever is missing is made when first asked for and
// kept, so a Data belongs to one goroutine at a time until [Data.Freeze] has been called.
type Data struct {
	text  string // "" while only the value is known: no JSON text is empty
	value Value
}

// NewData returns the data whose text will be the compact form of v.
func NewData(v Value) *Data { return &Data{value: v} }

// ParseData returns the data with exactly this text, or a [*SyntaxError].
func ParseData(text string) (*Data, error) {
	v, err := Parse(text)
	if err != nil {
		return nil, err
	}
	return &Data{text: text, value: v}, nil
}

// RecordedData returns the data with a text that was checked before it was recorded. It is parsed when somebody looks inside.
func RecordedData(text string) *Data { return &Data{text: text} }

// Text is the JSON text: the original one where there is one, else the compact form.
func (d *Data) Text() string {
	if d.text == "" {
		d.text = Text(d.value)
	}
	return d.text
}

// Value is the parsed value. A recorded text that turns out not to be JSON reads as null.
func (d *Data) Value() Value {
	if d.value == nil {
		v, err := Parse(d.text)
		if err != nil {
			v = Null{}
		}
		d.value = v
	}
	return d.value
}

// Size is the length of the text in bytes, the measure of the service's payload quota.
func (d *Data) Size() int { return len(d.Text()) }

// Freeze makes both forms, after which the data may be shared by goroutines.
func (d *Data) Freeze() *Data {
	d.Text()
	d.Value()
	return d
}

// JoinArray returns the array of the given data. Its text is their texts joined by commas: what a Parallel or Map state answers.
func JoinArray(items []*Data) *Data {
	size := 2
	for _, item := range items {
		size += len(item.Text()) + 1
	}
	text := append(make([]byte, 0, size), '[')
	for i, item := range items {
		if i > 0 {
			text = append(text, ',')
		}
		text = append(text, item.Text()...)
	}
	return RecordedData(string(append(text, ']')))
}
