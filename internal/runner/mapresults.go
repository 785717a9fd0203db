package runner

import (
	"encoding/json"
	"errors"
	"io"
	"strings"

	"github.com/tutti-run/tutti/internal/s3"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/store"
	"github.com/tutti-run/tutti/internal/value"
)

// This file puts together what has come of a Map Run's children: as the state's result, or in files in S3 (developer guide, "ResultWriter"). Both read
// the children one after the other from the journal, in the order of their inputs, and hold one of them at a time.

// The transformations of a WriterConfig.
const (
	transformNone    = "NONE"    // the outputs with what describes the executions
	transformCompact = "COMPACT" // the outputs
	transformFlatten = "FLATTEN" // the outputs, of those that are arrays the elements
)

// maxResultFile is how large a file of results may become before another is begun (developer guide, "ResultWriter").
const maxResultFile = 5 << 30

// childResult is what has come of a child.
type childResult struct {
	laid
	Description
	started bool
}

// result reads what has come of a child.
func (m *mapRun) result(l laid) (childResult, error) {
	c := childResult{laid: l}
	record, err := m.store.Execution(m.childExecution(l.index))
	if errors.Is(err, store.ErrNotFound) {
		return c, nil
	}
	if err != nil {
		return c, err
	}
	c.started, c.Execution = true, record
	return c, m.describeEnd(&c.Description)
}

// inline makes the state's result, or says why there is none.
func (m *mapRun) inline() (*value.Data, *sfn.Failure, error) {
	transformation := transformCompact
	w := m.Map.ResultWriter
	if w != nil && w.Transformation != "" {
		transformation = w.Transformation
	}
	result := []byte{'['}
	for l, err := range m.inputs() {
		if err != nil {
			return nil, nil, err
		}
		c, err := m.result(l)
		if err != nil {
			return nil, nil, err
		}
		if c.Status != sfn.StatusSucceeded && w == nil {
			continue // without a ResultWriter the result is that of the children that succeeded
		}
		for _, text := range m.transform(&c, transformation) {
			if len(result) > 1 {
				result = append(result, ',')
			}
			if result = append(result, text...); len(result) >= sfn.MaxPayloadBytes {
				return nil, sfn.Fail(sfn.ErrorDataLimitExceeded, "The state/task '%s' returned a result with a size exceeding the maximum number of bytes service limit.", m.Map.Name), nil
			}
		}
	}
	m.written()
	return value.RecordedData(string(append(result, ']'))), nil, nil
}

// written counts the results of all children that have ended as written.
func (m *mapRun) written() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range []*MapRunCounts{&m.record.Items, &m.record.Executions} {
		c.ResultsWritten = c.Succeeded + c.Failed + c.TimedOut + c.Aborted
	}
}

// transform returns the JSON texts that stand for a child in the results. A child that did not succeed is described in full.
func (m *mapRun) transform(c *childResult, transformation string) []string {
	if c.Status != sfn.StatusSucceeded || transformation == transformNone {
		return []string{m.record.full(c, m)}
	}
	if transformation == transformFlatten {
		if list, ok := c.Output.Value().(value.Array); ok {
			texts := make([]string, len(list))
			for i := range list {
				texts[i] = value.Text(list[i])
			}
			return texts
		}
	}
	return []string{c.Output.Text()}
}

// full is the record of a child in the results, with the members in the order of their names.
func (r *MapRun) full(c *childResult, m *mapRun) string {
	included := value.NewObject(value.Member{Name: "Included", Value: value.Bool(true)})
	var members []value.Member
	text := func(name, s string) { members = append(members, value.Member{Name: name, Value: value.String(s)}) }
	if c.Failure.Cause.Set {
		text("Cause", c.Failure.Cause.Text)
	}
	if c.Failure.Error.Set {
		text("Error", c.Failure.Error.Text)
	}
	text("ExecutionArn", m.childExecution(c.index))
	text("Input", c.input)
	members = append(members, value.Member{Name: "InputDetails", Value: included})
	text("Name", m.childName(c.index))
	if c.Output != nil {
		text("Output", c.Output.Text())
		members = append(members, value.Member{Name: "OutputDetails", Value: included})
	}
	if !c.started {
		text("StateMachineArn", r.MachineARN)
		text("Status", "PENDING")
		return value.Text(value.NewObject(members...))
	}
	members = append(members, value.Member{Name: "RedriveCount", Value: value.Int(int64(c.RedriveCount))})
	text("RedriveStatus", string(c.RedriveStatus))
	if c.RedriveStatusReason != "" {
		text("RedriveStatusReason", c.RedriveStatusReason)
	}
	text("StartDate", c.StartDate.UTC().Format("2006-01-02T15:04:05.000Z"))
	text("StateMachineArn", r.MachineARN)
	text("Status", string(c.Status))
	text("StopDate", c.StopDate.UTC().Format("2006-01-02T15:04:05.000Z"))
	return value.Text(value.NewObject(members...))
}

// checkWriter finds out before the first child whether there is a bucket for the results.
func (m *mapRun) checkWriter() *sfn.Failure {
	if m.Writer == nil {
		return nil
	}
	if m.objects == nil {
		return sfn.Fail(sfn.ErrorResultWriterFailed, "There is no Amazon S3 here to write results to")
	}
	if _, err := m.objects.HeadBucket(m.Writer.Bucket); err != nil {
		return writeFailure(err)
	}
	return nil
}

func writeFailure(err error) *sfn.Failure {
	var refused *s3.Error
	if errors.As(err, &refused) {
		return sfn.Fail(sfn.ErrorResultWriterFailed, "%s", refused.Message)
	}
	return sfn.Fail(sfn.ErrorResultWriterFailed, "The results could not be written: %s", err)
}

// The kinds of files of results: the executions that succeeded; that failed, timed out or were aborted; that were not started.
const (
	filesSucceeded = "SUCCEEDED"
	filesFailed    = "FAILED"
	filesPending   = "PENDING"
)

// resultFile is a file in the manifest.
type resultFile struct {
	Key  string
	Size int64
}

// manifest is what manifest.json holds.
type manifest struct {
	DestinationBucket string
	MapRunArn         string
	ResultFiles       struct{ FAILED, PENDING, SUCCEEDED []resultFile }
}

// listed is what the manifest has of files: an empty list where there are none.
func listed(f *resultFiles) []resultFile { return append([]resultFile{}, f.done...) }

// export writes the files and the manifest, and returns the state's result. Writing them again, after a crash, gives the same.
func (m *mapRun) export() (*value.Data, *sfn.Failure, error) {
	folder := m.ARN[strings.LastIndexByte(m.ARN, ':')+1:] + "/"
	if prefix := strings.TrimSuffix(m.Writer.Prefix, "/"); prefix != "" {
		folder = prefix + "/" + folder
	}
	transformation, lines := transformNone, false
	if w := m.Map.ResultWriter; w != nil {
		if w.Transformation != "" {
			transformation = w.Transformation
		}
		lines = w.OutputType == "JSONL"
	}
	files := map[string]*resultFiles{}
	for _, kind := range []string{filesSucceeded, filesFailed, filesPending} {
		files[kind] = &resultFiles{objects: m.objects, bucket: m.Writer.Bucket, stem: folder + kind + "_", lines: lines}
	}
	err := m.exportChildren(files, transformation)
	for _, f := range files {
		err = errors.Join(err, f.close(err))
	}
	var refused *writeError
	if errors.As(err, &refused) {
		return nil, writeFailure(refused.error), nil
	}
	if err != nil {
		return nil, nil, err
	}
	list := manifest{DestinationBucket: m.Writer.Bucket, MapRunArn: m.ARN}
	list.ResultFiles.FAILED = listed(files[filesFailed])
	list.ResultFiles.PENDING = listed(files[filesPending])
	list.ResultFiles.SUCCEEDED = listed(files[filesSucceeded])
	text, err := json.Marshal(list)
	if err != nil {
		return nil, nil, err
	}
	key := folder + "manifest.json"
	if _, err := m.objects.Put(m.Writer.Bucket, key, strings.NewReader(string(text)), s3.Attributes{ContentType: "application/json"}, s3.Condition{}, nil); err != nil {
		return nil, writeFailure(err), nil
	}
	m.written()
	return value.NewData(value.NewObject(
		value.Member{Name: "MapRunArn", Value: value.String(m.ARN)},
		value.Member{Name: "ResultWriterDetails", Value: value.NewObject(
			value.Member{Name: "Bucket", Value: value.String(m.Writer.Bucket)}, value.Member{Name: "Key", Value: value.String(key)})})), nil, nil
}

func (m *mapRun) exportChildren(files map[string]*resultFiles, transformation string) error {
	for l, err := range m.inputs() {
		if err != nil {
			return err
		}
		c, err := m.result(l)
		if err != nil {
			return err
		}
		kind := filesFailed
		switch {
		case !c.started:
			kind = filesPending
		case c.Status == sfn.StatusSucceeded:
			kind = filesSucceeded
		}
		for _, text := range m.transform(&c, transformation) {
			if err := files[kind].add(text); err != nil {
				return err
			}
		}
	}
	return nil
}

// writeError is why S3 did not take a file.
type writeError struct{ error }

func (e *writeError) Unwrap() error { return e.error }

// resultFiles writes the files of one kind, one after the other, while S3 takes them in.
type resultFiles struct {
	objects Objects
	bucket  string
	stem    string
	lines   bool
	done    []resultFile

	open *io.PipeWriter // nil between two files
	size int64
	took chan error
}

// add writes a JSON text into the current file, or into a new one if that is full.
func (f *resultFiles) add(text string) error {
	if f.open != nil && f.size+int64(len(text))+2 > maxResultFile {
		if err := f.close(nil); err != nil {
			return err
		}
	}
	before, after := ",", ""
	if f.open == nil {
		f.begin()
		before = "["
	}
	if f.lines {
		before, after = "", "\n"
	}
	n, err := io.WriteString(f.open, before+text+after)
	f.size += int64(n)
	if err != nil {
		return &writeError{err}
	}
	return nil
}

func (f *resultFiles) key() string {
	extension := ".json"
	if f.lines {
		extension = ".jsonl"
	}
	return f.stem + value.Text(value.Int(int64(len(f.done)))) + extension
}

func (f *resultFiles) begin() {
	source, sink := io.Pipe()
	f.open, f.size, f.took = sink, 0, make(chan error, 1)
	key := f.key()
	go func() { // ends when the file is closed
		_, err := f.objects.Put(f.bucket, key, source, s3.Attributes{ContentType: "application/json"}, s3.Condition{}, nil)
		_ = source.CloseWithError(err)
		f.took <- err
	}()
}

// close completes the current file, if there is one, or gives it up because of what went wrong.
func (f *resultFiles) close(why error) error {
	if f.open == nil {
		return nil
	}
	if why != nil {
		_ = f.open.CloseWithError(why)
		<-f.took
		f.open = nil
		return nil
	}
	if !f.lines {
		n, err := io.WriteString(f.open, "]")
		f.size += int64(n)
		if err != nil {
			return &writeError{errors.Join(err, f.open.Close())}
		}
	}
	_ = f.open.Close()
	if err := <-f.took; err != nil {
		return &writeError{err}
	}
	f.done = append(f.done, resultFile{f.key(), f.size})
	f.open = nil
	return nil
}
