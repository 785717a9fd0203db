package awsmodel

// Protocol is how a service's requests and responses are written (Smithy documentation, "AWS protocols").
type Protocol string

// The protocols of AWS's services.
const (
	JSON     Protocol = "json"               // awsJson1_0 and awsJson1_1: X-Amz-Target, a JSON object in the body
	RESTJSON Protocol = "rest-json"          // restJson1: URIs and headers, JSON in the body
	RESTXML  Protocol = "rest-xml"           // restXml: URIs and headers, XML in the body
	Query    Protocol = "query"              // awsQuery: a form, answered in XML
	EC2      Protocol = "ec2"                // ec2Query: the same with other rules for lists
	CBOR     Protocol = "smithy-rpc-v2-cbor" // rpcv2Cbor: the operation in the path, CBOR in the body
)

// Kind is what kind of value a [Shape] describes.
type Kind string

// The kinds of shapes.
const (
	Structure Kind = "S"
	List      Kind = "L"
	Map       Kind = "M"
	String    Kind = "s"
	Integer   Kind = "i"
	Long      Kind = "l"
	Float     Kind = "f"
	Double    Kind = "d"
	Boolean   Kind = "b"
	Timestamp Kind = "t"
	Blob      Kind = "B"
)

// Where a member of a REST operation's input or output stands; "" is the body.
const (
	InURI     = "uri"         // in the path
	InQuery   = "querystring" // in the query string
	InHeader  = "header"      // a header
	InHeaders = "headers"     // headers with a common prefix, of a map
	InStatus  = "statusCode"  // the HTTP status
)

// How timestamps are written.
const (
	UnixTimestamp = "u"
	ISO8601       = "i"
	HTTPDate      = "r"
)

// Service is one service of AWS.
type Service struct {
	// Name is how aws-sdk resources write the service, like "cloudwatchlogs".
	Name string
	// Prefix is how the SDK for Java 2 calls it in exceptions, like "CloudWatchLogs".
	Prefix string
	// ID is the serviceId of the model, like "CloudWatch Logs".
	ID       string
	Protocol Protocol
	// Version is of the API, like "2014-03-28".
	Version string
	// Endpoint is the first label of the service's host names, Global the whole name where regions have none of their own.
	Endpoint, Global string
	// Signing is the service's name in signatures.
	Signing string
	// Target stands before an operation's name in the header X-Amz-Target, JSON is the version of that protocol.
	Target, JSON string
	// Namespace is of XML bodies.
	Namespace string
	// QueryCodes tells that errors bear the code of the query protocol in the header X-Amzn-Query-Error.
	QueryCodes bool

	operations map[string]*Operation // by the name in resources, like "putItem"
	errors     map[string]string
}

// Operation is one thing that a service does.
type Operation struct {
	Name, Method, URI string
	// Host stands before the host name; it may name members in braces.
	Host string
	// Input and Output are structures.
	Input, Output *Shape
	// Wrapper is the element around the output in the query protocol.
	Wrapper string
	// MD5 tells that the body needs a checksum.
	MD5 bool
}

// Shape describes a value.
type Shape struct {
	Kind    Kind
	Members []Member
	byName  map[string]int
	// Elem describes a list's members or a map's values, Key a map's keys.
	Elem, Key *Shape
	// ElemName and KeyName are the XML elements of those.
	ElemName, KeyName string
	Flat              bool
	// Enum lists the values of a string; nil allows any.
	Enum []string
	// Min and Max bound a number, or the length of a text, blob, list or map; nil where nothing does.
	Min, Max *float64
	// Format is how a timestamp is written, "" as the protocol has it.
	Format string
	// Payload is the member that is the whole body.
	Payload string
	// Stream tells that the value has no known end: a streamed blob, or events.
	Stream bool
	// Root is the XML element of a structure that is a body.
	Root string
	// Document tells that the structure is any JSON.
	Document bool
	// Union tells that one member is set.
	Union bool
}

// Member is a member of a structure.
type Member struct {
	// Name is the service's own, like "stateMachineArn". Field is Step Functions', like "StateMachineArn".
	Name, Field string
	Shape       *Shape
	Required    bool
	// Location is one of the In constants, Wire the name there.
	Location, Wire string
	// Query is the name in EC2's query protocol.
	Query     string
	Flat      bool
	Attribute bool
	// Token tells that a member which is not given gets a new UUID.
	Token             bool
	Namespace, Prefix string
	HostLabel         bool
	JSON              bool
	Format            string
}

// Operation returns the operation that a resource names, like "putItem".
func (s *Service) Operation(api string) (*Operation, bool) {
	o, ok := s.operations[api]
	return o, ok
}

// Operations lists the names that resources may use, in no order.
func (s *Service) Operations() []string {
	names := make([]string, 0, len(s.operations))
	for name := range s.operations {
		names = append(names, name)
	}
	return names
}

// Exception returns the name of the exception that the model has for an error code.
func (s *Service) Exception(code string) (name string, ok bool) {
	name, ok = s.errors[code]
	return name, ok
}

// Member returns the member that Step Functions calls so.
func (s *Shape) Member(field string) (*Member, bool) {
	i, ok := s.byName[field]
	if !ok {
		return nil, false
	}
	return &s.Members[i], true
}

// Streams tells whether the operation reads or writes a stream of events, which no Task can.
func (o *Operation) Streams() bool {
	for _, s := range []*Shape{o.Input, o.Output} {
		if s == nil {
			continue
		}
		for _, m := range s.Members {
			if m.Shape.Stream && m.Shape.Kind == Structure {
				return true
			}
		}
	}
	return false
}
