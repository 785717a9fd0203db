package awsmodel

import (
	"archive/zip"
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
)

// modelsZip is made from botocore's service models, which are © Amazon.com, Inc. or its affiliates, licensed under the Apache License 2.0.
// What they say in prose was left out.
//
//go:embed models.zip
var modelsZip []byte

// Models holds the services. All methods may be called by any goroutine.
type Models struct {
	files map[string]*zip.File

	mu       sync.Mutex
	services map[string]*Service
}

// New returns the models of all services. It reads none of them yet.
func New() *Models {
	m := &Models{files: map[string]*zip.File{}, services: map[string]*Service{}}
	archive, err := zip.NewReader(bytes.NewReader(modelsZip), int64(len(modelsZip)))
	if err != nil {
		return m // a damaged program; every service is unknown, and the tests would have said so
	}
	for _, f := range archive.File {
		m.files[f.Name] = f
	}
	return m
}

// Names lists the services, as aws-sdk resources write them, in order.
func (m *Models) Names() []string {
	names := make([]string, 0, len(m.files))
	for name := range m.files {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Service returns the service that aws-sdk resources call so.
func (m *Models) Service(name string) (*Service, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s := m.services[name]; s != nil {
		return s, true
	}
	f := m.files[name]
	if f == nil {
		return nil, false
	}
	s, err := read(f)
	if err != nil {
		return nil, false // as for New
	}
	m.services[name] = s
	return s, true
}

func read(f *zip.File) (*Service, error) {
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }() // it was only read
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	var w Wire
	if err := json.Unmarshal(text, &w); err != nil {
		return nil, fmt.Errorf("model of %s: %w", f.Name, err)
	}
	return build(&w), nil
}

// build makes a service of how it is written.
func build(w *Wire) *Service {
	prefix := servicePrefix(w.ID)
	s := &Service{
		Name: serviceName(prefix), Prefix: prefix, ID: w.ID, Protocol: w.Protocol, Version: w.Version, Endpoint: w.Endpoint, Global: w.Global, Signing: w.Signing,
		Target: w.Target, JSON: w.JSON, Namespace: w.Namespace, QueryCodes: w.QueryCodes, operations: map[string]*Operation{}, errors: w.Errors,
	}
	if s.Signing == "" {
		s.Signing = s.Endpoint
	}
	shapes := make([]Shape, len(w.Shapes))
	at := func(i *int) *Shape {
		if i == nil {
			return nil
		}
		return &shapes[*i]
	}
	for i := range w.Shapes {
		buildShape(&shapes[i], &w.Shapes[i], shapes, at)
	}
	for _, o := range w.Operations {
		operation := &Operation{Name: o.Name, Method: o.Method, URI: o.URI, Host: o.Host, Input: at(o.Input), Output: at(o.Output), Wrapper: o.Wrapper, MD5: o.MD5}
		if operation.Method == "" {
			operation.Method = "POST"
		}
		if operation.URI == "" {
			operation.URI = "/"
		}
		s.operations[apiName(o.Name)] = operation
	}
	return s
}

func buildShape(s *Shape, w *WireShape, shapes []Shape, at func(*int) *Shape) {
	*s = Shape{
		Kind: w.Kind, Elem: at(w.Elem), Key: at(w.Key), ElemName: w.ElemName, KeyName: w.KeyName, Flat: w.Flat, Enum: w.Enum, Min: w.Min, Max: w.Max,
		Format: w.Format, Payload: w.Payload, Stream: w.Stream, Root: w.Root, Document: w.Document, Union: w.Union,
	}
	if w.Kind != Structure {
		return
	}
	s.byName = make(map[string]int, len(w.Members))
	s.Members = make([]Member, len(w.Members))
	for i, m := range w.Members {
		s.Members[i] = Member{
			Name: m.Name, Field: fieldName(m.Name), Shape: &shapes[m.Shape], Required: m.Required, Location: m.Location, Wire: m.Wire, Query: m.Query,
			Flat: m.Flat, Attribute: m.Attribute, Token: m.Token, Namespace: m.Namespace, Prefix: m.Prefix, HostLabel: m.HostLabel, JSON: m.JSON, Format: m.Format,
		}
		if m.Wire == "" {
			s.Members[i].Wire = m.Name
		}
		s.byName[s.Members[i].Field] = i
		s.byName[strings.ToUpper(m.Name[:1])+m.Name[1:]] = i // a reserved name by itself is understood, too
	}
}
