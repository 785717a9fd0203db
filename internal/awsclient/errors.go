package awsclient

import (
	"net/http"
	"strings"

	"github.com/tutti-run/tutti/internal/awsmodel"
	"github.com/tutti-run/tutti/internal/value"
)

// requestID is the id that a service gave the request.
func requestID(header http.Header) string {
	for _, name := range []string{"X-Amzn-Requestid", "X-Amz-Request-Id", "X-Amzn-Request-Id"} {
		if id := header.Get(name); id != "" {
			return id
		}
	}
	return ""
}

// decodeError reads an answer that is no success.
func decodeError(s *awsmodel.Service, status int, header http.Header, body []byte) *Error {
	e := &Error{Status: status, RequestID: requestID(header), ExtendedRequestID: header.Get("X-Amz-Id-2")}
	switch s.Protocol {
	case awsmodel.JSON, awsmodel.RESTJSON:
		e.readJSON(header, body)
	case awsmodel.CBOR:
		if v, _, err := readCBOR(body, 0); err == nil {
			if o, ok := v.(*value.Object); ok {
				e.readObject(o)
			}
		}
	default:
		e.readXML(body)
	}
	if e.Code == "" {
		e.Code = codeOf(status)
	}
	if query, _, ok := strings.Cut(header.Get("X-Amzn-Query-Error"), ";"); ok && s.QueryCodes {
		e.QueryCode = query
	}
	if e.Message == "" {
		e.Message = "null" // as the SDKs for Java print it
	}
	return e
}

// codeOf names an error of which nothing is known but the status.
func codeOf(status int) string {
	switch status {
	case http.StatusNotFound:
		return "NotFound"
	case http.StatusForbidden:
		return "AccessDenied"
	}
	return strings.ReplaceAll(http.StatusText(status), " ", "")
}

func (e *Error) readJSON(header http.Header, body []byte) {
	if v, err := value.Parse(string(body)); err == nil {
		if o, ok := v.(*value.Object); ok {
			e.readObject(o)
		}
	}
	if kind := header.Get("X-Amzn-Errortype"); kind != "" {
		e.Code = plainCode(kind)
	}
}

func (e *Error) readObject(o *value.Object) {
	first := func(names ...string) string {
		for _, name := range names {
			if v, ok := o.Get(name); ok {
				if text, ok := v.(value.String); ok && text != "" {
					return string(text)
				}
			}
		}
		return ""
	}
	e.Code = plainCode(first("__type", "code", "Code"))
	e.Message = first("message", "Message", "errorMessage")
}

// plainCode takes namespace and URI off an error's name: com.amazonaws.sfn#InvalidArn, or InvalidArn:http://….
func plainCode(code string) string {
	code, _, _ = strings.Cut(code, ":")
	if i := strings.LastIndexByte(code, '#'); i >= 0 {
		code = code[i+1:]
	}
	return code
}

func (e *Error) readXML(body []byte) {
	root, err := parseXML(body)
	if err != nil {
		return
	}
	described := root.find("Error")
	if described == nil {
		described = root
	}
	e.Code, e.Message = described.child("Code").content(), described.child("Message").content()
	for _, name := range []string{"RequestId", "RequestID", "requestId"} {
		if id := root.find(name).content(); id != "" {
			e.RequestID = id
		}
	}
	if id := root.find("HostId").content(); id != "" {
		e.ExtendedRequestID = id
	}
}
