package api

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/tutti-run/tutti/internal/awsclient"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/sqs"
)

// sqsProtocol is how SQS is spoken to. Clients of before 2023 speak the query protocol, which is translated.
var sqsProtocol = protocol{
	route:       route{title: "Amazon SQS", target: "AmazonSQS", version: "2012-11-05", scope: "sqs", hosts: []string{"sqs", "queue"}},
	contentType: json10,
	maxBytes:    maxTranslated, // a message of one MiB takes more in JSON
	namespace:   "com.amazonaws.sqs#",
	exceptions: map[sfn.ExceptionName]exception{
		sqs.InvalidParameterValue: {ofCoral, http.StatusBadRequest},
		sqs.MissingParameter:      {ofCoral, http.StatusBadRequest},
		sqs.ResourceNotFound:      {"com.amazonaws.sqs#", http.StatusNotFound},
		sqs.OverLimit:             {"com.amazonaws.sqs#", http.StatusForbidden},
	},
}

// queues serves the API of Amazon SQS, version 2012-11-05.
type queues struct {
	store *sqs.Store
	now   func() time.Time
}

func newQueues(c *Config) *queues { return &queues{store: c.Queues, now: c.Now} }

// sqsOperations is the table of all operations that are served.
var sqsOperations = map[string]operation[*queues]{
	"AddPermission":                op((*queues).addPermission),                // lets other accounts use a queue
	"CancelMessageMoveTask":        op((*queues).cancelMessageMoveTask),        // stops moving
	"ChangeMessageVisibility":      op((*queues).changeMessageVisibility),      // hides a message longer, or no more
	"ChangeMessageVisibilityBatch": op((*queues).changeMessageVisibilityBatch), // up to ten
	"CreateQueue":                  op((*queues).createQueue),                  // standard or FIFO
	"DeleteMessage":                op((*queues).deleteMessage),                // by receipt handle
	"DeleteMessageBatch":           op((*queues).deleteMessageBatch),           // up to ten
	"DeleteQueue":                  op((*queues).deleteQueue),                  // with its messages
	"GetQueueAttributes":           op((*queues).getQueueAttributes),           // settings and counts
	"GetQueueUrl":                  op((*queues).getQueueURL),                  // by name
	"ListDeadLetterSourceQueues":   op((*queues).listDeadLetterSourceQueues),   // whose dead letters come here
	"ListMessageMoveTasks":         op((*queues).listMessageMoveTasks),         // of a dead-letter queue
	"ListQueueTags":                op((*queues).listQueueTags),                // of a queue
	"ListQueues":                   op((*queues).listQueues),                   // by prefix
	"PurgeQueue":                   op((*queues).purgeQueue),                   // deletes all messages
	"ReceiveMessage":               op((*queues).receiveMessage),               // up to ten, waiting if asked to
	"RemovePermission":             op((*queues).removePermission),             // and no longer
	"SendMessage":                  op((*queues).sendMessage),                  // one
	"SendMessageBatch":             op((*queues).sendMessageBatch),             // up to ten
	"SetQueueAttributes":           op((*queues).setQueueAttributes),           // changes settings
	"StartMessageMoveTask":         op((*queues).startMessageMoveTask),         // moves dead letters back
	"TagQueue":                     op((*queues).tagQueue),                     // adds tags
	"UntagQueue":                   op((*queues).untagQueue),                   // removes tags
}

// queueInput is what most requests name.
type queueInput struct {
	QueueURL string `json:"QueueUrl"`
}

// name is the queue that the request is about: the last segment of its URL, whatever the host. An account of another number has no queues here.
func (q *queues) name(in queueInput) (string, error) {
	if in.QueueURL == "" {
		return "", sfn.Refuse(sqs.MissingParameter, "The request must contain the parameter QueueUrl.")
	}
	u, err := url.Parse(in.QueueURL)
	if err != nil {
		return "", badQueueURL(in.QueueURL)
	}
	parts := strings.Split(strings.Trim(u.Path, "/"), "/")
	name := parts[len(parts)-1]
	if name == "" {
		return "", badQueueURL(in.QueueURL)
	}
	if len(parts) > 1 && parts[len(parts)-2] != q.store.Account() {
		return "", sfn.Refuse(sqs.QueueDoesNotExist, "The specified queue does not exist.")
	}
	return name, nil
}

func badQueueURL(text string) error {
	return sfn.Refuse("InvalidAddress", "The address %.200s is not valid for this endpoint.", text)
}

// url is a queue's, at the endpoint by which the client came.
func (q *queues) url(ctx context.Context, name string) string {
	return callerOf(ctx).url + "/" + q.store.Account() + "/" + name
}

func (q *queues) urls(ctx context.Context, names []string) []string {
	list := make([]string, 0, len(names))
	for _, name := range names {
		list = append(list, q.url(ctx, name))
	}
	return list
}

type createQueueInput struct {
	QueueName  string            `json:"QueueName"`
	Attributes map[string]string `json:"Attributes"`
	Tags       map[string]string `json:"tags"`
}

type queueURLOutput struct {
	QueueURL string `json:"QueueUrl"`
}

func (q *queues) createQueue(ctx context.Context, in *createQueueInput) (*queueURLOutput, error) {
	if err := q.store.CreateQueue(in.QueueName, in.Attributes, in.Tags); err != nil {
		return nil, err
	}
	return &queueURLOutput{q.url(ctx, in.QueueName)}, nil
}

func (q *queues) deleteQueue(_ context.Context, in *queueInput) (nothing, error) {
	return q.on(*in, q.store.DeleteQueue)
}

func (q *queues) purgeQueue(_ context.Context, in *queueInput) (nothing, error) {
	return q.on(*in, q.store.PurgeQueue)
}

// on does something to the queue of a request.
func (q *queues) on(in queueInput, do func(name string) error) (nothing, error) {
	name, err := q.name(in)
	if err != nil {
		return nothing{}, err
	}
	return nothing{}, do(name)
}

type getQueueURLInput struct {
	QueueName string `json:"QueueName"`
	Owner     string `json:"QueueOwnerAWSAccountId"`
}

func (q *queues) getQueueURL(ctx context.Context, in *getQueueURLInput) (*queueURLOutput, error) {
	if in.QueueName == "" {
		return nil, sfn.Refuse(sqs.MissingParameter, "The request must contain the parameter QueueName.")
	}
	if in.Owner != "" && in.Owner != q.store.Account() {
		return nil, sfn.Refuse(sqs.QueueDoesNotExist, "The specified queue does not exist.")
	}
	if err := q.store.Exists(in.QueueName); err != nil {
		return nil, err
	}
	return &queueURLOutput{q.url(ctx, in.QueueName)}, nil
}

type getQueueAttributesInput struct {
	queueInput
	AttributeNames []string `json:"AttributeNames"`
}

type getQueueAttributesOutput struct {
	Attributes map[string]string `json:"Attributes,omitempty"`
}

func (q *queues) getQueueAttributes(_ context.Context, in *getQueueAttributesInput) (*getQueueAttributesOutput, error) {
	name, err := q.name(in.queueInput)
	if err != nil {
		return nil, err
	}
	attributes, err := q.store.GetQueueAttributes(name, in.AttributeNames)
	return &getQueueAttributesOutput{attributes}, err
}

type setQueueAttributesInput struct {
	queueInput
	Attributes map[string]string `json:"Attributes"`
}

func (q *queues) setQueueAttributes(_ context.Context, in *setQueueAttributesInput) (nothing, error) {
	return q.on(in.queueInput, func(name string) error { return q.store.SetQueueAttributes(name, in.Attributes) })
}

type listQueuesInput struct {
	QueueNamePrefix string        `json:"QueueNamePrefix"`
	MaxResults      *int          `json:"MaxResults"`
	NextToken       sfn.OptString `json:"NextToken"`
}

type listQueuesOutput struct {
	QueueURLs []string `json:"QueueUrls,omitempty"`
	NextToken string   `json:"NextToken,omitempty"`
}

func (q *queues) listQueues(ctx context.Context, in *listQueuesInput) (*listQueuesOutput, error) {
	names, err := q.store.Queues(in.QueueNamePrefix)
	if err != nil {
		return nil, err
	}
	names, next, err := q.page("ListQueues\x00"+in.QueueNamePrefix, names, in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	return &listQueuesOutput{q.urls(ctx, names), next}, nil
}

// maxQueuesPage is how many queues a response lists.
const maxQueuesPage = 1000

// page cuts a list of names by the name that the last page ended with.
func (q *queues) page(scope string, names []string, limit *int, token sfn.OptString) (page []string, next string, err error) {
	most := maxQueuesPage
	if limit != nil {
		if most = *limit; most < 1 || most > maxQueuesPage {
			return nil, "", sfn.Refuse(sqs.InvalidParameterValue, "Value for parameter MaxResults is invalid. Reason: MaxResults must be an integer between 1 and 1000.")
		}
	}
	if token.Text == "" {
		token.Set = false
	}
	behind, err := openToken(scope, token, q.now())
	if err != nil {
		return nil, "", sfn.Refuse(sqs.InvalidParameterValue, "Invalid or expired next token.")
	}
	for len(names) > 0 && names[0] <= behind {
		names = names[1:]
	}
	if len(names) <= most {
		return names, "", nil
	}
	if limit == nil { // without MaxResults the rest is not told of
		return names[:most], "", nil
	}
	return names[:most], pageToken(scope, names[most-1], q.now()), nil
}

type listSourceQueuesInput struct {
	queueInput
	MaxResults *int          `json:"MaxResults"`
	NextToken  sfn.OptString `json:"NextToken"`
}

type listSourceQueuesOutput struct {
	QueueURLs []string `json:"queueUrls"`
	NextToken string   `json:"NextToken,omitempty"`
}

func (q *queues) listDeadLetterSourceQueues(ctx context.Context, in *listSourceQueuesInput) (*listSourceQueuesOutput, error) {
	name, err := q.name(in.queueInput)
	if err != nil {
		return nil, err
	}
	names, err := q.store.DeadLetterSources(name)
	if err != nil {
		return nil, err
	}
	names, next, err := q.page("ListDeadLetterSourceQueues\x00"+name, names, in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	return &listSourceQueuesOutput{q.urls(ctx, names), next}, nil
}

type queueTagsOutput struct {
	Tags map[string]string `json:"Tags,omitempty"`
}

func (q *queues) listQueueTags(_ context.Context, in *queueInput) (*queueTagsOutput, error) {
	name, err := q.name(*in)
	if err != nil {
		return nil, err
	}
	tags, err := q.store.Tags(name)
	return &queueTagsOutput{tags}, err
}

type tagQueueInput struct {
	queueInput
	Tags    map[string]string `json:"Tags"`
	TagKeys []string          `json:"TagKeys"` // UntagQueue
}

func (q *queues) tagQueue(_ context.Context, in *tagQueueInput) (nothing, error) {
	return q.on(in.queueInput, func(name string) error { return q.store.TagQueue(name, in.Tags) })
}

func (q *queues) untagQueue(_ context.Context, in *tagQueueInput) (nothing, error) {
	return q.on(in.queueInput, func(name string) error { return q.store.UntagQueue(name, in.TagKeys) })
}

type permissionInput struct {
	queueInput
	Label         string   `json:"Label"`
	AWSAccountIDs []string `json:"AWSAccountIds"`
	Actions       []string `json:"Actions"`
}

func (q *queues) addPermission(_ context.Context, in *permissionInput) (nothing, error) {
	return q.on(in.queueInput, func(name string) error {
		return q.store.AddPermission(name, in.Label, in.AWSAccountIDs, in.Actions)
	})
}

func (q *queues) removePermission(_ context.Context, in *permissionInput) (nothing, error) {
	return q.on(in.queueInput, func(name string) error { return q.store.RemovePermission(name, in.Label) })
}

type startMoveTaskInput struct {
	SourceArn      string `json:"SourceArn"`
	DestinationArn string `json:"DestinationArn"`
	Rate           *int   `json:"MaxNumberOfMessagesPerSecond"`
}

type taskHandle struct {
	TaskHandle string `json:"TaskHandle"`
}

func (q *queues) startMessageMoveTask(_ context.Context, in *startMoveTaskInput) (*taskHandle, error) {
	handle, err := q.store.StartMessageMoveTask(in.SourceArn, in.DestinationArn, in.Rate)
	return &taskHandle{handle}, err
}

type cancelMoveTaskOutput struct {
	Moved int64 `json:"ApproximateNumberOfMessagesMoved"`
}

func (q *queues) cancelMessageMoveTask(_ context.Context, in *taskHandle) (*cancelMoveTaskOutput, error) {
	moved, err := q.store.CancelMessageMoveTask(in.TaskHandle)
	return &cancelMoveTaskOutput{moved}, err
}

type listMoveTasksInput struct {
	SourceArn  string `json:"SourceArn"`
	MaxResults *int   `json:"MaxResults"`
}

type listMoveTasksOutput struct {
	Results []moveTaskOutput `json:"Results"`
}

type moveTaskOutput struct {
	TaskHandle string         `json:"TaskHandle,omitempty"` // of one that runs
	Status     sqs.TaskStatus `json:"Status"`
	Source     string         `json:"SourceArn"`
	Target     string         `json:"DestinationArn,omitempty"`
	Rate       int            `json:"MaxNumberOfMessagesPerSecond,omitempty"`
	Moved      int64          `json:"ApproximateNumberOfMessagesMoved"`
	ToMove     int64          `json:"ApproximateNumberOfMessagesToMove"`
	Failure    string         `json:"FailureReason,omitempty"`
	Started    int64          `json:"StartedTimestamp"`
}

func (q *queues) listMessageMoveTasks(_ context.Context, in *listMoveTasksInput) (*listMoveTasksOutput, error) {
	list, err := q.store.MoveTasks(in.SourceArn, in.MaxResults)
	if err != nil {
		return nil, err
	}
	out := &listMoveTasksOutput{Results: []moveTaskOutput{}}
	for _, t := range list {
		one := moveTaskOutput{
			Status: t.Status, Source: t.Source, Target: t.Destination, Rate: t.Rate, Moved: t.Moved, ToMove: t.ToMove, Failure: t.Failure, Started: t.Started,
		}
		if t.Status == sqs.TaskRunning {
			one.TaskHandle = t.Handle()
		}
		out.Results = append(out.Results, one)
	}
	return out, nil
}

// batchID is what the id of an entry of a batch can be.
var batchID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,80}$`)

// checkBatch refuses a batch for its number of entries or their ids. kind is what the entries are called in messages.
func checkBatch(kind string, ids []string) error {
	switch {
	case len(ids) == 0:
		return sfn.Refuse(sqs.EmptyBatchRequest, "There should be at least one %sRequestEntry in the request.", kind)
	case len(ids) > sqs.MaxBatch:
		return sfn.Refuse(sqs.TooManyEntriesInBatchRequest, "Maximum number of entries per request are %d. You have sent %d.", sqs.MaxBatch, len(ids))
	}
	seen := map[string]bool{}
	for _, id := range ids {
		if !batchID.MatchString(id) {
			return sfn.Refuse(sqs.InvalidBatchEntryID, "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.")
		}
		if seen[id] {
			return sfn.Refuse(sqs.BatchEntryIDsNotDistinct, "Id %s repeated.", id)
		}
		seen[id] = true
	}
	return nil
}

// batchFailure is an entry of a batch that was refused.
type batchFailure struct {
	ID          string `json:"Id"`
	SenderFault bool   `json:"SenderFault"`
	Code        string `json:"Code"`
	Message     string `json:"Message,omitempty"`
}

// batchRefusal says of an entry why it was refused, by the code that the query protocol has for it.
func batchRefusal(service, id string, err error) batchFailure {
	f := batchFailure{ID: id, Code: "InternalError", Message: err.Error()}
	if refused, ok := err.(*sfn.Exception); ok {
		f.SenderFault, f.Code, f.Message = true, string(refused.Name), refused.Message
		if model, ok := models().Service(service); ok {
			f.Code = awsclient.QueryCode(model, string(refused.Name))
		}
	}
	return f
}
