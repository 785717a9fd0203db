package api

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/sqs"
)

// attributeValue is an attribute of a message on the wire.
type attributeValue struct {
	DataType    string `json:"DataType"`
	StringValue string `json:"StringValue,omitempty"`
	BinaryValue []byte `json:"BinaryValue,omitempty"`
}

func messageAttributes(in map[string]attributeValue) map[string]sqs.Attribute {
	if len(in) == 0 {
		return nil
	}
	out := make(map[string]sqs.Attribute, len(in))
	for name, a := range in {
		out[name] = sqs.Attribute{DataType: a.DataType, String: a.StringValue, Binary: a.BinaryValue}
	}
	return out
}

// messageInput is a message of a request.
type messageInput struct {
	ID         string                    `json:"Id"` // in a batch
	Body       string                    `json:"MessageBody"`
	Delay      *int                      `json:"DelaySeconds"`
	Attributes map[string]attributeValue `json:"MessageAttributes"`
	System     map[string]attributeValue `json:"MessageSystemAttributes"`
	Dedup      sfn.OptString             `json:"MessageDeduplicationId"`
	Group      sfn.OptString             `json:"MessageGroupId"`
}

// checkIDs refuses ids that are there and empty, which is not the same as none.
func (in *messageInput) checkIDs() error {
	if in.Group.Set && in.Group.Text == "" {
		return sqs.CheckID("MessageGroupId", "")
	}
	if in.Dedup.Set && in.Dedup.Text == "" {
		return sqs.CheckID("MessageDeduplicationId", "")
	}
	return nil
}

func (q *queues) entry(ctx context.Context, in *messageInput) sqs.Entry {
	return sqs.Entry{
		Body: in.Body, Delay: in.Delay, Attributes: messageAttributes(in.Attributes), SystemAttributes: messageAttributes(in.System),
		Trace: callerOf(ctx).trace, Dedup: in.Dedup.Text, Group: in.Group.Text, Sender: q.store.Account(),
	}
}

type sendMessageInput struct {
	queueInput
	messageInput
}

type sendMessageOutput struct {
	ID              string `json:"Id,omitempty"` // in a batch
	MD5OfBody       string `json:"MD5OfMessageBody"`
	MD5OfAttributes string `json:"MD5OfMessageAttributes,omitempty"`
	MD5OfSystem     string `json:"MD5OfMessageSystemAttributes,omitempty"`
	MessageID       string `json:"MessageId"`
	SequenceNumber  string `json:"SequenceNumber,omitempty"`
}

func sentOutput(id string, s sqs.Sent) sendMessageOutput {
	return sendMessageOutput{
		ID: id, MD5OfBody: s.MD5OfBody, MD5OfAttributes: s.MD5OfAttributes, MD5OfSystem: s.MD5OfSystemAttributes, MessageID: s.ID, SequenceNumber: s.Sequence,
	}
}

func (q *queues) sendMessage(ctx context.Context, in *sendMessageInput) (*sendMessageOutput, error) {
	name, err := q.name(in.queueInput)
	if err != nil {
		return nil, err
	}
	if err := in.checkIDs(); err != nil {
		return nil, err
	}
	sent, err := q.store.SendMessage(name, q.entry(ctx, &in.messageInput))
	if err != nil {
		return nil, err
	}
	out := sentOutput("", sent)
	return &out, nil
}

type sendMessageBatchInput struct {
	queueInput
	Entries []messageInput `json:"Entries"`
}

// batchOutput is what became of a batch. Lists without members are left out, as AWS does.
type batchOutput[T any] struct {
	Successful []T            `json:"Successful,omitempty"`
	Failed     []batchFailure `json:"Failed,omitempty"`
}

func (q *queues) sendMessageBatch(ctx context.Context, in *sendMessageBatchInput) (*batchOutput[sendMessageOutput], error) {
	name, err := q.name(in.queueInput)
	if err != nil {
		return nil, err
	}
	ids, size := make([]string, 0, len(in.Entries)), 0
	entries := make([]sqs.Entry, 0, len(in.Entries))
	for i := range in.Entries {
		if err := in.Entries[i].checkIDs(); err != nil {
			return nil, err
		}
		ids = append(ids, in.Entries[i].ID)
		entries = append(entries, q.entry(ctx, &in.Entries[i]))
		size += entries[i].Size()
	}
	if err := checkBatch("SendMessageBatch", ids); err != nil {
		return nil, err
	}
	if size > sqs.MaxMessageBytes {
		return nil, sfn.Refuse(sqs.BatchRequestTooLong, "Batch requests cannot be longer than %d bytes. You have sent %d bytes.", sqs.MaxMessageBytes, size)
	}
	sent, errs, err := q.store.SendMessages(name, entries)
	if err != nil {
		return nil, err
	}
	out := &batchOutput[sendMessageOutput]{}
	for i, err := range errs {
		if err != nil {
			out.Failed = append(out.Failed, batchRefusal("sqs", ids[i], err))
		} else {
			out.Successful = append(out.Successful, sentOutput(ids[i], sent[i]))
		}
	}
	return out, nil
}

type receiveMessageInput struct {
	queueInput
	AttributeNames              []string `json:"AttributeNames"` // the older name of the next
	MessageSystemAttributeNames []string `json:"MessageSystemAttributeNames"`
	MessageAttributeNames       []string `json:"MessageAttributeNames"`
	MaxNumberOfMessages         *int     `json:"MaxNumberOfMessages"`
	VisibilityTimeout           *int     `json:"VisibilityTimeout"`
	WaitTimeSeconds             *int     `json:"WaitTimeSeconds"`
	ReceiveRequestAttemptID     string   `json:"ReceiveRequestAttemptId"`
}

type receiveMessageOutput struct {
	Messages []receivedMessage `json:"Messages,omitempty"`
}

type receivedMessage struct {
	Attributes        map[string]string         `json:"Attributes,omitempty"`
	Body              string                    `json:"Body"`
	MD5OfBody         string                    `json:"MD5OfBody"`
	MD5OfAttributes   string                    `json:"MD5OfMessageAttributes,omitempty"`
	MessageAttributes map[string]attributeValue `json:"MessageAttributes,omitempty"`
	MessageID         string                    `json:"MessageId"`
	ReceiptHandle     string                    `json:"ReceiptHandle"`
}

// systemAttributes are those that can be asked for (API reference, ReceiveMessage).
var systemAttributes = []string{
	"All", "SenderId", "SentTimestamp", "ApproximateReceiveCount", "ApproximateFirstReceiveTimestamp", "SequenceNumber", "MessageDeduplicationId",
	"MessageGroupId", "AWSTraceHeader", "DeadLetterQueueSourceArn",
}

func (q *queues) receiveMessage(ctx context.Context, in *receiveMessageInput) (*receiveMessageOutput, error) {
	name, err := q.name(in.queueInput)
	if err != nil {
		return nil, err
	}
	asked := slices.Concat(in.AttributeNames, in.MessageSystemAttributeNames)
	if callerOf(ctx).query && len(in.AttributeNames) > 0 { // as recorded on AWS, the older name goes before the newer there
		asked = in.AttributeNames
	}
	for _, a := range asked {
		if !slices.Contains(systemAttributes, a) && !slices.Contains(sqs.AttributeNames(), a) {
			return nil, sfn.Refuse(sqs.InvalidAttributeName, "Unknown Attribute %s.", a)
		}
	}
	messages, err := q.store.ReceiveMessage(ctx, name, sqs.Receive{
		Max: in.MaxNumberOfMessages, Visibility: in.VisibilityTimeout, Wait: in.WaitTimeSeconds, Attempt: in.ReceiveRequestAttemptID,
	})
	if err != nil {
		return nil, err
	}
	out := &receiveMessageOutput{}
	for _, m := range messages {
		out.Messages = append(out.Messages, received(m, asked, in.MessageAttributeNames))
	}
	return out, nil
}

// received is a message with the attributes that were asked for. The digest of the message's attributes covers those alone.
func received(m sqs.Message, system, attributes []string) receivedMessage {
	if !slices.Contains(system, "All") {
		maps.DeleteFunc(m.System, func(name, _ string) bool { return !slices.Contains(system, name) })
	}
	wanted := map[string]sqs.Attribute{}
	for name, a := range m.Attributes {
		if slices.ContainsFunc(attributes, func(asked string) bool { return wantsAttribute(asked, name) }) {
			wanted[name] = a
		}
	}
	r := receivedMessage{
		Attributes: m.System, Body: m.Body, MD5OfBody: sqs.MD5OfBody(m.Body), MD5OfAttributes: sqs.MD5OfAttributes(wanted), MessageID: m.ID, ReceiptHandle: m.Receipt,
	}
	for name, a := range wanted {
		if r.MessageAttributes == nil {
			r.MessageAttributes = map[string]attributeValue{}
		}
		r.MessageAttributes[name] = attributeValue{a.DataType, a.String, a.Binary}
	}
	return r
}

// wantsAttribute tells whether a name that was asked for means an attribute: All, .*, a beginning with .* behind it, or the name.
func wantsAttribute(asked, name string) bool {
	if prefix, ok := strings.CutSuffix(asked, ".*"); ok {
		return strings.HasPrefix(name, prefix)
	}
	if prefix, ok := strings.CutSuffix(asked, "*"); ok {
		return strings.HasPrefix(name, prefix)
	}
	return asked == "All" || asked == name
}

// receiptInput is a message that was received.
type receiptInput struct {
	ID                string `json:"Id"` // in a batch
	ReceiptHandle     string `json:"ReceiptHandle"`
	VisibilityTimeout *int   `json:"VisibilityTimeout"`
}

type deleteMessageInput struct {
	queueInput
	receiptInput
}

func (q *queues) deleteMessage(_ context.Context, in *deleteMessageInput) (nothing, error) {
	return q.on(in.queueInput, func(name string) error {
		if in.ReceiptHandle == "" {
			return sfn.Refuse(sqs.MissingParameter, "The request must contain the parameter ReceiptHandle.")
		}
		errs, err := q.store.DeleteMessages(name, []string{in.ReceiptHandle})
		return one(errs, err)
	})
}

// one is what became of the one entry.
func one(errs []error, err error) error {
	if err == nil && len(errs) > 0 {
		return errs[0]
	}
	return err
}

func (q *queues) changeMessageVisibility(_ context.Context, in *deleteMessageInput) (nothing, error) {
	return q.on(in.queueInput, func(name string) error {
		switch {
		case in.ReceiptHandle == "":
			return sfn.Refuse(sqs.MissingParameter, "The request must contain the parameter ReceiptHandle.")
		case in.VisibilityTimeout == nil:
			return sfn.Refuse(sqs.MissingParameter, "The request must contain the parameter VisibilityTimeout.")
		}
		errs, err := q.store.ChangeVisibility(name, []string{in.ReceiptHandle}, []int{*in.VisibilityTimeout})
		return one(errs, err)
	})
}

type receiptBatchInput struct {
	queueInput
	Entries []receiptInput `json:"Entries"`
}

type batchSuccess struct {
	ID string `json:"Id"`
}

func (q *queues) deleteMessageBatch(_ context.Context, in *receiptBatchInput) (*batchOutput[batchSuccess], error) {
	return q.batch("DeleteMessageBatch", in, func(name string, handles []string) ([]error, error) {
		return q.store.DeleteMessages(name, handles)
	})
}

func (q *queues) changeMessageVisibilityBatch(_ context.Context, in *receiptBatchInput) (*batchOutput[batchSuccess], error) {
	return q.batch("ChangeMessageVisibilityBatch", in, func(name string, handles []string) ([]error, error) {
		var seconds []int
		for _, e := range in.Entries {
			if e.VisibilityTimeout == nil {
				return nil, sfn.Refuse(sqs.MissingParameter, "The request must contain the parameter VisibilityTimeout.")
			}
			seconds = append(seconds, *e.VisibilityTimeout)
		}
		return q.store.ChangeVisibility(name, handles, seconds)
	})
}

// batch does something to messages by their receipt handles.
func (q *queues) batch(kind string, in *receiptBatchInput, do func(name string, handles []string) ([]error, error)) (*batchOutput[batchSuccess], error) {
	name, err := q.name(in.queueInput)
	if err != nil {
		return nil, err
	}
	var ids, handles []string
	for _, e := range in.Entries {
		ids, handles = append(ids, e.ID), append(handles, e.ReceiptHandle)
	}
	if err := checkBatch(kind, ids); err != nil {
		return nil, err
	}
	errs, err := do(name, handles)
	if err != nil {
		return nil, err
	}
	out := &batchOutput[batchSuccess]{}
	for i, err := range errs {
		if err != nil {
			out.Failed = append(out.Failed, batchRefusal("sqs", ids[i], err))
		} else {
			out.Successful = append(out.Successful, batchSuccess{ids[i]})
		}
	}
	return out, nil
}
