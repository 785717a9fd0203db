package api

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/tutti-run/tutti/internal/awsclient"
	"github.com/tutti-run/tutti/internal/awsmodel"
)

// models describe AWS's services. They are read when the first request needs them, since every command of the program would wait for them otherwise.
var models = sync.OnceValue(awsmodel.New)

// translated lets clients that speak the query protocol or CBOR use a service that is written for the JSON protocol. service is its name in the models,
// target what its operations bear in X-Amz-Target. It also says in a header what the query protocol calls an error, where clients expect that of JSON, too
// (Smithy documentation, "awsQueryCompatible").
func translated(service, target string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		model, ok := models().Service(service)
		if !ok {
			next.ServeHTTP(w, r)
			return
		}
		t := translation{model: model, protocol: protocolOf(r), target: target}
		t.asJSON = t.protocol == awsmodel.Query && strings.HasPrefix(r.Header.Get("Accept"), "application/json")
		if t.protocol == awsmodel.JSON && !model.QueryCodes {
			next.ServeHTTP(w, r)
			return
		}
		t.serve(w, r, next)
	})
}

// protocolOf tells which protocol a request to an RPC service is written in.
func protocolOf(r *http.Request) awsmodel.Protocol {
	switch {
	case r.Header.Get("Smithy-Protocol") == "rpc-v2-cbor":
		return awsmodel.CBOR
	case r.Header.Get("X-Amz-Target") != "":
		return awsmodel.JSON
	case r.Method == http.MethodGet, isForm(r), r.URL.RawQuery != "" && r.URL.Query().Has("Action"):
		return awsmodel.Query
	}
	return awsmodel.JSON
}

func isForm(r *http.Request) bool {
	return strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded")
}

// translation is a request on its way through another protocol.
type translation struct {
	model    *awsmodel.Service
	protocol awsmodel.Protocol
	target   string
	name     string // of the operation
	asJSON   bool   // answers of the query protocol are wanted in JSON
}

func (t *translation) serve(w http.ResponseWriter, r *http.Request, next http.Handler) {
	id := w.Header().Get("X-Amzn-Requestid")
	body, err := readPlain(w, r)
	if err == nil && t.protocol != awsmodel.JSON {
		body, err = t.request(r, body)
	}
	if err != nil {
		t.fail(w, faultAnswer(err), id)
		return
	}
	ctx := r.Context()
	if t.protocol == awsmodel.Query {
		ctx = withQuery(ctx)
	}
	r = r.Clone(ctx)
	r.Method = http.MethodPost
	if t.protocol != awsmodel.JSON {
		r.Header.Set("X-Amz-Target", t.target+"."+t.name)
	}
	r.Header.Del("Content-Encoding")
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	kept := &keptAnswer{header: w.Header(), status: http.StatusOK}
	next.ServeHTTP(kept, r)
	if kept.status >= http.StatusMultipleChoices {
		t.fail(w, kept, id)
		return
	}
	t.succeed(w, kept, id)
}

// request turns the request into the body of the JSON protocol, and finds out which operation it is for.
func (t *translation) request(r *http.Request, body []byte) ([]byte, error) {
	if t.protocol == awsmodel.CBOR {
		t.name = r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
	} else {
		form, err := formOf(r, body)
		if err != nil {
			return nil, err
		}
		t.name = form.Get("Action")
		if t.name == "" {
			return nil, &fault{"MissingAction", http.StatusBadRequest, "The request is missing an action or a required parameter."}
		}
		body = []byte(form.Encode())
	}
	o := t.operation()
	if t.target == sqsProtocol.target && t.protocol == awsmodel.Query && (o == nil || notOfQueue[t.name] && len(r.URL.Path) > 1) {
		return nil, &fault{"InvalidAction", http.StatusBadRequest, "The action " + t.name + " is not valid for this endpoint."}
	}
	if o == nil {
		return []byte("{}"), nil // the service says that it has no such operation
	}
	body, err := awsclient.RequestToJSON(t.protocol, t.model, o, body)
	if err != nil {
		return nil, serialization(err.Error())
	}
	return body, nil
}

// notOfQueue are the operations that a queue's URL has not, as recorded on AWS.
var notOfQueue = map[string]bool{"CreateQueue": true, "ListQueues": true}

func (t *translation) operation() *awsmodel.Operation {
	if t.name == "" {
		return nil
	}
	o, ok := t.model.Operation(strings.ToLower(t.name[:1]) + t.name[1:])
	if !ok || o.Name != t.name {
		return nil
	}
	return o
}

// formOf is the form of a request in the query protocol: the query and the body, where that is a form. What a queue's URL says goes with it.
func formOf(r *http.Request, body []byte) (url.Values, error) {
	form := r.URL.Query()
	if isForm(r) {
		given, err := url.ParseQuery(string(body))
		if err != nil {
			return nil, &fault{"MalformedQueryString", http.StatusBadRequest, "The query string contains a syntax error."}
		}
		maps.Copy(form, given)
	}
	if len(r.URL.Path) > 1 && form.Get("QueueUrl") == "" {
		form.Set("QueueUrl", "http://"+r.Host+r.URL.Path)
	}
	return form, nil
}

// readPlain reads the whole body, which clients may compress (Smithy documentation, "requestCompression").
func readPlain(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	body := io.Reader(http.MaxBytesReader(w, r.Body, maxTranslated))
	if r.Header.Get("Content-Encoding") == "gzip" {
		plain, err := gzip.NewReader(body)
		if err != nil {
			return nil, serialization("the body is not compressed as its header says")
		}
		body = http.MaxBytesReader(w, plain, maxTranslated)
	}
	return readBody(body, maxTranslated)
}

// maxTranslated is the largest body that is read before the service itself bounds it.
const maxTranslated = 4 << 20

// keptAnswer keeps what a service answers until it has been translated.
type keptAnswer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header implements http.ResponseWriter.
func (a *keptAnswer) Header() http.Header { return a.header }

// WriteHeader implements http.ResponseWriter.
func (a *keptAnswer) WriteHeader(status int) { a.status = status }

// Write implements http.ResponseWriter.
func (a *keptAnswer) Write(p []byte) (int, error) { return a.body.Write(p) }

// faultAnswer is the answer to a request that no service gets to see.
func faultAnswer(err error) *keptAnswer {
	a := &keptAnswer{header: http.Header{}}
	a.status = (&protocol{contentType: json10}).writeError(a, err)
	return a
}

// contentTypes of answers, by protocol.
var contentTypes = map[awsmodel.Protocol]string{awsmodel.Query: "text/xml", awsmodel.CBOR: "application/cbor"}

func (t *translation) succeed(w http.ResponseWriter, kept *keptAnswer, id string) {
	if t.protocol == awsmodel.JSON {
		write(w, kept.header.Get("Content-Type"), kept.status, kept.body.Bytes())
		return
	}
	o := t.operation()
	if o == nil {
		o = &awsmodel.Operation{Name: t.name}
	}
	inProtocol := awsclient.ResponseFromJSON
	if t.asJSON {
		inProtocol = awsclient.QueryResponseInJSON
	}
	body, err := inProtocol(t.protocol, t.model, o, kept.body.Bytes(), id)
	if err != nil {
		t.fail(w, faultAnswer(err), id)
		return
	}
	t.write(w, kept.status, body)
}

// queryFaults are the names of the query protocol for errors of the framework.
var queryFaults = map[string]string{
	"UnknownOperationException": "InvalidAction",
	"SerializationException":    "MalformedInput",
	"ValidationException":       "ValidationError",
}

// queryTexts are what the query protocol says of errors for which JSON has other words, as recorded on AWS.
var queryTexts = map[string]string{
	"AWS.SimpleQueueService.NonExistentQueue": "The specified queue does not exist for this wsdl version.",
}

// fail answers with the error that the service has written as JSON.
func (t *translation) fail(w http.ResponseWriter, kept *keptAnswer, id string) {
	var e errorBody
	if err := json.Unmarshal(kept.body.Bytes(), &e); err != nil {
		e = errorBody{Type: "InternalFailure"}
	}
	name := e.Type[strings.LastIndexByte(e.Type, '#')+1:]
	if e.Message == "" {
		e.Message = e.Framework
	}
	f := awsclient.ServiceFault{Name: e.Type, Code: awsclient.QueryCode(t.model, name), Message: e.Message, RequestID: id, Sender: kept.status < http.StatusInternalServerError}
	if code := queryFaults[name]; code != "" && f.Code == name {
		f.Code = code
	}
	if text := queryTexts[f.Code]; text != "" && t.protocol == awsmodel.Query {
		f.Message = text
	}
	if t.model.QueryCodes && t.protocol != awsmodel.Query {
		blame := "Receiver"
		if f.Sender {
			blame = "Sender"
		}
		w.Header().Set("X-Amzn-Query-Error", f.Code+";"+blame)
	}
	if t.protocol == awsmodel.JSON {
		write(w, kept.header.Get("Content-Type"), kept.status, kept.body.Bytes())
		return
	}
	if t.asJSON {
		t.write(w, kept.status, awsclient.QueryErrorInJSON(f))
		return
	}
	t.write(w, kept.status, awsclient.ErrorFromJSON(t.protocol, t.model, f))
}

func (t *translation) write(w http.ResponseWriter, status int, body []byte) {
	if t.protocol == awsmodel.CBOR {
		w.Header().Set("Smithy-Protocol", "rpc-v2-cbor")
	}
	contentType := contentTypes[t.protocol]
	if t.asJSON {
		contentType = "application/json"
	}
	write(w, contentType, status, body)
}

// queryVersion is the version of the API in an unsigned request in the query protocol, which is all that says whose it is; "" for other requests.
func queryVersion(r *http.Request) string {
	if protocolOf(r) != awsmodel.Query || r.Header.Get("X-Amz-Target") != "" {
		return ""
	}
	if r.Method == http.MethodGet {
		q := r.URL.Query()
		if action := q.Get("Action"); q.Get("Version") == "" && (action == "ConfirmSubscription" || action == "Unsubscribe") {
			return snsProtocol.version // the links in messages of SNS say no more
		}
		return q.Get("Version")
	}
	head, err := io.ReadAll(io.LimitReader(r.Body, maxTranslated+1))
	r.Body = &prefixed{Reader: io.MultiReader(bytes.NewReader(head), r.Body), Closer: r.Body}
	if err != nil {
		return ""
	}
	form, err := url.ParseQuery(string(head))
	if err != nil {
		return ""
	}
	return form.Get("Version")
}

// prefixed is a body of which a part has been read already.
type prefixed struct {
	io.Reader
	io.Closer
}
