package awsmodel

// Wire is how an entry of models.zip is written, in JSON with one letter names, since there are half a million of them. The generator in ./gen
// writes it and [Models] reads it.
type Wire struct {
	ID         string            `json:"id"`          // serviceId, like "DynamoDB"
	Protocol   Protocol          `json:"p"`           //
	Version    string            `json:"v"`           // API version, like "2012-08-10"
	Endpoint   string            `json:"e"`           // first label of the host name
	Signing    string            `json:"s,omitempty"` // the name in signatures where it is not Endpoint
	Target     string            `json:"t,omitempty"` // what stands before the operation in X-Amz-Target
	JSON       string            `json:"j,omitempty"` // version of the JSON protocol
	Namespace  string            `json:"n,omitempty"` // of XML bodies
	Global     string            `json:"g,omitempty"` // host of a service that has no regions
	QueryCodes bool              `json:"q,omitempty"` // error codes of the query protocol stand in a header
	Operations []WireOperation   `json:"o"`
	Shapes     []WireShape       `json:"h"`
	Errors     map[string]string `json:"x,omitempty"` // name of the exception by code on the wire
}

// WireOperation is an [Operation].
type WireOperation struct {
	Name    string `json:"n"`
	Method  string `json:"m,omitempty"` // POST where it is missing
	URI     string `json:"u,omitempty"` // "/" where it is missing
	Host    string `json:"h,omitempty"` // what stands before the endpoint's host
	Input   *int   `json:"i,omitempty"` // index into Shapes
	Output  *int   `json:"o,omitempty"`
	Wrapper string `json:"w,omitempty"` // the element around the output in the query protocol
	MD5     bool   `json:"c,omitempty"` // the request needs a checksum of its body
}

// WireShape is a [Shape].
type WireShape struct {
	Kind     Kind         `json:"k"`
	Members  []WireMember `json:"m,omitempty"`
	Elem     *int         `json:"e,omitempty"` // of a list, or the values of a map
	Key      *int         `json:"y,omitempty"`
	ElemName string       `json:"n,omitempty"` // XML element of list members, or of map values
	KeyName  string       `json:"N,omitempty"` // XML element of map keys
	Flat     bool         `json:"f,omitempty"`
	Enum     []string     `json:"v,omitempty"`
	Min      *float64     `json:"l,omitempty"`
	Max      *float64     `json:"u,omitempty"`
	Format   string       `json:"t,omitempty"` // of timestamps
	Payload  string       `json:"p,omitempty"` // the member that is the body
	Stream   bool         `json:"s,omitempty"` // a blob or structure that is streamed
	Root     string       `json:"r,omitempty"` // XML element of the structure as a body
	Document bool         `json:"d,omitempty"` // any JSON
	Union    bool         `json:"U,omitempty"`
}

// WireMember is a [Member].
type WireMember struct {
	Name      string `json:"n"`
	Shape     int    `json:"s"`
	Required  bool   `json:"r,omitempty"`
	Location  string `json:"l,omitempty"`
	Wire      string `json:"w,omitempty"` // name on the wire where it is another
	Query     string `json:"q,omitempty"` // name in EC2's query protocol
	Flat      bool   `json:"f,omitempty"`
	Attribute bool   `json:"a,omitempty"` // of the XML element
	Token     bool   `json:"t,omitempty"` // gets a new UUID where it is missing
	Namespace string `json:"x,omitempty"`
	Prefix    string `json:"p,omitempty"` // of that namespace
	HostLabel bool   `json:"h,omitempty"`
	JSON      bool   `json:"j,omitempty"` // a header with JSON in base64
	Format    string `json:"m,omitempty"` // of a timestamp, where the member has its own
}
