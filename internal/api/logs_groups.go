package api

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/tutti-run/tutti/internal/logs"
	"github.com/tutti-run/tutti/internal/sfn"
)

// standardClass is the only class of groups whose events can be read as usual.
const standardClass = "STANDARD"

// maxLogTags is how many tags a group may have.
const maxLogTags = 50

type createLogGroupInput struct {
	LogGroupName  sfn.OptString     `json:"logGroupName"`
	LogGroupClass sfn.OptString     `json:"logGroupClass"`
	Tags          map[string]string `json:"tags"`
	KMSKeyID      sfn.OptString     `json:"kmsKeyId"`
	Protected     bool              `json:"deletionProtectionEnabled"`
}

func (s *cloudWatchLogs) createLogGroup(_ context.Context, in *createLogGroupInput) (nothing, error) {
	var c constraints
	c.required("logGroupName", in.LogGroupName)
	c.logGroup("logGroupName", in.LogGroupName)
	c.oneOf("logGroupClass", in.LogGroupClass, standardClass, "INFREQUENT_ACCESS", "DELIVERY")
	c.length("kmsKeyId", in.KMSKeyID, 0, maxKMSKey)
	if err := c.logsErr(); err != nil {
		return nothing{}, err
	}
	if err := checkLogTags(in.Tags); err != nil {
		return nothing{}, err
	}
	return nothing{}, s.logs.CreateGroup(logs.Group{Name: in.LogGroupName.Text, Class: in.LogGroupClass.Text, Tags: in.Tags, KMSKeyID: in.KMSKeyID.Text, Protected: in.Protected})
}

type logGroupInput struct {
	LogGroupName sfn.OptString `json:"logGroupName"`
}

func (s *cloudWatchLogs) deleteLogGroup(_ context.Context, in *logGroupInput) (nothing, error) {
	group, err := logGroupOf(in.LogGroupName, sfn.OptString{})
	if err != nil {
		return nothing{}, err
	}
	return nothing{}, s.logs.DeleteGroup(group)
}

// retentions are the days that a retention policy may have (API reference, PutRetentionPolicy).
var retentions = []int{1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}

type putRetentionPolicyInput struct {
	LogGroupName    sfn.OptString `json:"logGroupName"`
	RetentionInDays *int          `json:"retentionInDays"`
}

func (s *cloudWatchLogs) putRetentionPolicy(_ context.Context, in *putRetentionPolicyInput) (nothing, error) {
	var c constraints
	c.required("logGroupName", in.LogGroupName)
	c.logGroup("logGroupName", in.LogGroupName)
	switch {
	case in.RetentionInDays == nil:
		c.add("null ", "retentionInDays", "Member must not be null")
	case !slices.Contains(retentions, *in.RetentionInDays):
		var members []string
		for _, days := range retentions {
			members = append(members, strconv.Itoa(days))
		}
		c.add("'"+strconv.Itoa(*in.RetentionInDays)+"' ", "retentionInDays", "Member must satisfy enum value set: ["+strings.Join(members, ", ")+"]")
	}
	if err := c.logsErr(); err != nil {
		return nothing{}, err
	}
	return nothing{}, s.logs.SetRetention(in.LogGroupName.Text, *in.RetentionInDays)
}

func (s *cloudWatchLogs) deleteRetentionPolicy(_ context.Context, in *logGroupInput) (nothing, error) {
	group, err := logGroupOf(in.LogGroupName, sfn.OptString{})
	if err != nil {
		return nothing{}, err
	}
	return nothing{}, s.logs.SetRetention(group, 0)
}

type describeLogGroupsInput struct {
	LogGroupNamePrefix  sfn.OptString   `json:"logGroupNamePrefix"`
	LogGroupNamePattern sfn.OptString   `json:"logGroupNamePattern"`
	LogGroupClass       sfn.OptString   `json:"logGroupClass"`
	LogGroupIdentifiers []sfn.OptString `json:"logGroupIdentifiers"`
	Limit               *int            `json:"limit"`
	NextToken           sfn.OptString   `json:"nextToken"`
}

type describeLogGroupsOutput struct {
	LogGroups []logGroupItem `json:"logGroups"`
	NextToken string         `json:"nextToken,omitempty"`
}

type logGroupItem struct {
	LogGroupName      string `json:"logGroupName"`
	CreationTime      int64  `json:"creationTime"`
	RetentionInDays   int    `json:"retentionInDays,omitempty"`
	MetricFilterCount int    `json:"metricFilterCount"`
	ARN               string `json:"arn"`
	StoredBytes       int64  `json:"storedBytes"`
	LogGroupClass     string `json:"logGroupClass"`
	LogGroupARN       string `json:"logGroupArn"`
	KMSKeyID          string `json:"kmsKeyId,omitempty"`
	Protected         bool   `json:"deletionProtectionEnabled"`
}

func (s *cloudWatchLogs) describeLogGroups(ctx context.Context, in *describeLogGroupsInput) (*describeLogGroupsOutput, error) {
	var c constraints
	c.logGroup("logGroupNamePrefix", in.LogGroupNamePrefix)
	c.length("logGroupNamePattern", in.LogGroupNamePattern, 0, maxLogName)
	c.oneOf("logGroupClass", in.LogGroupClass, standardClass, "INFREQUENT_ACCESS", "DELIVERY")
	c.limit(in.Limit, maxLogPage)
	if err := c.logsErr(); err != nil {
		return nil, err
	}
	if in.LogGroupNamePrefix.Set && in.LogGroupNamePattern.Set {
		return nil, sfn.Refuse(logs.InvalidParameterException, "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.")
	}
	scope := "DescribeLogGroups\x00" + in.LogGroupNamePrefix.Text + "\x00" + in.LogGroupNamePattern.Text
	after, err := openToken(scope, in.NextToken, s.now())
	if err != nil {
		return nil, invalidLogsToken()
	}
	pattern := strings.ToLower(in.LogGroupNamePattern.Text)
	groups := s.logs.Groups(func(name string) bool {
		return name > after && strings.HasPrefix(name, in.LogGroupNamePrefix.Text) && strings.Contains(strings.ToLower(name), pattern) &&
			identified(in.LogGroupIdentifiers, name)
	})
	out := &describeLogGroupsOutput{LogGroups: []logGroupItem{}}
	for _, g := range groups {
		class := cmp.Or(g.Class, standardClass)
		if in.LogGroupClass.Set && in.LogGroupClass.Text != class {
			continue
		}
		if n := len(out.LogGroups); n == pageLimit(in.Limit, maxLogPage) {
			out.NextToken = pageToken(scope, out.LogGroups[n-1].LogGroupName, s.now())
			break
		}
		arn := s.place(ctx).LogGroupARN(g.Name)
		out.LogGroups = append(out.LogGroups, logGroupItem{
			LogGroupName: g.Name, CreationTime: g.Created.UnixMilli(), RetentionInDays: g.Retention, ARN: arn + ":*", StoredBytes: g.Bytes,
			LogGroupClass: class, LogGroupARN: arn, KMSKeyID: g.KMSKeyID, Protected: g.Protected, MetricFilterCount: g.MetricFilters,
		})
	}
	return out, nil
}

// identified tells whether one of the identifiers, if there are any, is the group's name or ARN.
func identified(identifiers []sfn.OptString, name string) bool {
	return len(identifiers) == 0 || slices.ContainsFunc(identifiers, func(i sfn.OptString) bool {
		return i.Text == name || sfn.LogGroupName(i.Text) == name
	})
}

// checkLogTags bounds tags (API reference, CloudWatch Logs, TagResource).
func checkLogTags(tags map[string]string) error {
	var c constraints
	if len(tags) > maxLogTags {
		c.add("", "tags", "Member must have length less than or equal to "+strconv.Itoa(maxLogTags))
	}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		c.length("tags.key", sfn.Some(key), 1, 128)
		c.length("tags."+key+".member", sfn.Some(tags[key]), 0, 256)
	}
	return c.logsErr()
}

type tagLogGroupInput struct {
	LogGroupName sfn.OptString     `json:"logGroupName"`
	Tags         map[string]string `json:"tags"`
}

func (s *cloudWatchLogs) tagLogGroup(_ context.Context, in *tagLogGroupInput) (nothing, error) {
	group, err := logGroupOf(in.LogGroupName, sfn.OptString{})
	if err != nil {
		return nothing{}, err
	}
	return nothing{}, s.tag(group, in.Tags)
}

func (s *cloudWatchLogs) tag(group string, tags map[string]string) error {
	if err := checkLogTags(tags); err != nil {
		return err
	}
	return s.logs.EditTags(group, func(all map[string]string) error {
		maps.Copy(all, tags)
		return checkLogTags(all)
	})
}

func (s *cloudWatchLogs) untag(group string, keys []string) error {
	return s.logs.EditTags(group, func(all map[string]string) error {
		for _, key := range keys {
			delete(all, key)
		}
		return nil
	})
}

type untagLogGroupInput struct {
	LogGroupName sfn.OptString `json:"logGroupName"`
	Tags         []string      `json:"tags"`
}

func (s *cloudWatchLogs) untagLogGroup(_ context.Context, in *untagLogGroupInput) (nothing, error) {
	group, err := logGroupOf(in.LogGroupName, sfn.OptString{})
	if err != nil {
		return nothing{}, err
	}
	return nothing{}, s.untag(group, in.Tags)
}

type logTagsOutput struct {
	Tags map[string]string `json:"tags"`
}

func (s *cloudWatchLogs) listTagsLogGroup(_ context.Context, in *logGroupInput) (*logTagsOutput, error) {
	group, err := logGroupOf(in.LogGroupName, sfn.OptString{})
	if err != nil {
		return nil, err
	}
	return s.tagsOf(group)
}

func (s *cloudWatchLogs) tagsOf(group string) (*logTagsOutput, error) {
	g, err := s.logs.Group(group)
	if err != nil {
		return nil, err
	}
	if g.Tags == nil {
		g.Tags = map[string]string{}
	}
	return &logTagsOutput{g.Tags}, nil
}

type logResourceInput struct {
	ResourceARN sfn.OptString     `json:"resourceArn"`
	Tags        map[string]string `json:"tags"`    // TagResource
	TagKeys     []string          `json:"tagKeys"` // UntagResource
}

// group is the name in the ARN, without :* at its end.
func (in *logResourceInput) group() (string, error) {
	var c constraints
	c.required("resourceArn", in.ResourceARN)
	c.length("resourceArn", in.ResourceARN, 1, 1011)
	if err := c.logsErr(); err != nil {
		return "", err
	}
	group := sfn.LogGroupName(in.ResourceARN.Text)
	if group == "" || strings.HasSuffix(in.ResourceARN.Text, ":*") {
		return "", sfn.Refuse(logs.InvalidParameterException, "The specified resourceArn is invalid: it is that of a log group, without :* at its end.")
	}
	return group, nil
}

func (s *cloudWatchLogs) tagResource(_ context.Context, in *logResourceInput) (nothing, error) {
	group, err := in.group()
	if err != nil {
		return nothing{}, err
	}
	return nothing{}, s.tag(group, in.Tags)
}

func (s *cloudWatchLogs) untagResource(_ context.Context, in *logResourceInput) (nothing, error) {
	group, err := in.group()
	if err != nil {
		return nothing{}, err
	}
	return nothing{}, s.untag(group, in.TagKeys)
}

func (s *cloudWatchLogs) listTagsForResource(_ context.Context, in *logResourceInput) (*logTagsOutput, error) {
	group, err := in.group()
	if err != nil {
		return nil, err
	}
	return s.tagsOf(group)
}

type logStreamInput struct {
	LogGroupName  sfn.OptString `json:"logGroupName"`
	LogStreamName sfn.OptString `json:"logStreamName"`
}

func (in *logStreamInput) check() error {
	var c constraints
	c.required("logGroupName", in.LogGroupName)
	c.logGroup("logGroupName", in.LogGroupName)
	c.required("logStreamName", in.LogStreamName)
	c.logStream("logStreamName", in.LogStreamName)
	return c.logsErr()
}

func (s *cloudWatchLogs) createLogStream(_ context.Context, in *logStreamInput) (nothing, error) {
	if err := in.check(); err != nil {
		return nothing{}, err
	}
	return nothing{}, s.logs.CreateStream(in.LogGroupName.Text, in.LogStreamName.Text)
}

func (s *cloudWatchLogs) deleteLogStream(_ context.Context, in *logStreamInput) (nothing, error) {
	if err := in.check(); err != nil {
		return nothing{}, err
	}
	return nothing{}, s.logs.DeleteStream(in.LogGroupName.Text, in.LogStreamName.Text)
}

type describeLogStreamsInput struct {
	LogGroupName        sfn.OptString `json:"logGroupName"`
	LogGroupIdentifier  sfn.OptString `json:"logGroupIdentifier"`
	LogStreamNamePrefix sfn.OptString `json:"logStreamNamePrefix"`
	OrderBy             sfn.OptString `json:"orderBy"`
	Descending          bool          `json:"descending"`
	Limit               *int          `json:"limit"`
	NextToken           sfn.OptString `json:"nextToken"`
}

type describeLogStreamsOutput struct {
	LogStreams []logStreamItem `json:"logStreams"`
	NextToken  string          `json:"nextToken,omitempty"`
}

type logStreamItem struct {
	LogStreamName       string `json:"logStreamName"`
	CreationTime        int64  `json:"creationTime"`
	FirstEventTimestamp int64  `json:"firstEventTimestamp,omitempty"`
	LastEventTimestamp  int64  `json:"lastEventTimestamp,omitempty"`
	LastIngestionTime   int64  `json:"lastIngestionTime,omitempty"`
	UploadSequenceToken string `json:"uploadSequenceToken,omitempty"`
	ARN                 string `json:"arn"`
	StoredBytes         int64  `json:"storedBytes"` // 0 since 2019, says the API reference
}

func (s *cloudWatchLogs) describeLogStreams(ctx context.Context, in *describeLogStreamsInput) (*describeLogStreamsOutput, error) {
	group, err := logGroupOf(in.LogGroupName, in.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	const byTime = "LastEventTime"
	var c constraints
	c.logStream("logStreamNamePrefix", in.LogStreamNamePrefix)
	c.oneOf("orderBy", in.OrderBy, "LogStreamName", byTime)
	c.limit(in.Limit, maxLogPage)
	if err := c.logsErr(); err != nil {
		return nil, err
	}
	if in.OrderBy.Text == byTime && in.LogStreamNamePrefix.Set {
		return nil, sfn.Refuse(logs.InvalidParameterException, "Cannot order by LastEventTime with a logStreamNamePrefix.")
	}
	scope := "DescribeLogStreams\x00" + group + "\x00" + in.LogStreamNamePrefix.Text + "\x00" + in.OrderBy.Text + strconv.FormatBool(in.Descending)
	after, err := openToken(scope, in.NextToken, s.now())
	if err != nil {
		return nil, invalidLogsToken()
	}
	streams, err := s.logs.Streams(group, in.LogStreamNamePrefix.Text)
	if err != nil {
		return nil, err
	}
	if in.OrderBy.Text == byTime {
		slices.SortStableFunc(streams, func(a, b logs.Stream) int { return cmp.Compare(a.Last, b.Last) })
	}
	if in.Descending {
		slices.Reverse(streams)
	}
	from, _ := strconv.Atoi(after) // 0 without a token; a token's position is one that was put there
	streams = streams[min(from, len(streams)):]
	out := &describeLogStreamsOutput{LogStreams: []logStreamItem{}}
	limit := pageLimit(in.Limit, maxLogPage)
	if len(streams) > limit {
		streams = streams[:limit]
		out.NextToken = pageToken(scope, strconv.Itoa(from+limit), s.now())
	}
	for _, stream := range streams {
		item := logStreamItem{
			LogStreamName: stream.Name, CreationTime: stream.Created, FirstEventTimestamp: stream.First, LastEventTimestamp: stream.Last,
			LastIngestionTime: stream.Ingested, ARN: s.place(ctx).LogGroupARN(group) + ":log-stream:" + stream.Name,
		}
		if stream.Ingested > 0 {
			item.UploadSequenceToken = sequenceToken
		}
		out.LogStreams = append(out.LogStreams, item)
	}
	return out, nil
}
