package conformance

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
)

// putObject makes the call s3.PutObject over the wire, as the recorder made it.
func (p *player) putObject(s *step, params map[string]any) error {
	body := textOf(params["Body"])
	if inner, ok := strings.CutPrefix(body, "bytearray(b'"); ok { // bytes, as Python prints them
		body = strings.TrimSuffix(inner, "')")
	}
	status, _, text := p.object(http.MethodPut, params, body)
	if status != http.StatusOK {
		p.fail(levelResult, s.Call, text)
		return errStop
	}
	p.save(s.Save, map[string]any{})
	return nil
}

// getObject makes the call s3.GetObject over the wire and answers with what the recorder's client makes of headers and body.
func (p *player) getObject(s *step, params map[string]any) error {
	status, header, text := p.object(http.MethodGet, params, "")
	p.mu.Lock()
	p.statuses[s.Save] = status
	p.mu.Unlock()
	if status != http.StatusOK {
		p.fail(levelResult, s.Call, text)
		return errStop
	}
	answer := map[string]any{"Body": text, "Metadata": map[string]any{}}
	for name, member := range map[string]string{
		"Accept-Ranges": "AcceptRanges", "Content-Type": "ContentType", "Etag": "ETag", "Last-Modified": "LastModified",
		"X-Amz-Checksum-Crc32": "ChecksumCRC32", "X-Amz-Checksum-Type": "ChecksumType", "X-Amz-Server-Side-Encryption": "ServerSideEncryption",
	} {
		if v := header.Get(name); v != "" {
			answer[member] = v
		}
	}
	v, err := decodeJSON(header.Get("Content-Length"))
	if err != nil {
		p.fail(levelResult, s.Call, "no length: "+err.Error())
		return errStop
	}
	answer["ContentLength"] = v
	p.save(s.Save, answer)
	return nil
}

// object sends a request about an object to the front door.
func (p *player) object(method string, params map[string]any, body string) (status int, header http.Header, text string) {
	url := "http://s3.localhost/" + textOf(params["Bucket"]) + "/" + textOf(params["Key"])
	request := httptest.NewRequestWithContext(p.ctx, method, url, strings.NewReader(body))
	request.Header.Set("X-Amz-Checksum-Mode", "ENABLED")
	answer := httptest.NewRecorder()
	p.service.handler.ServeHTTP(answer, request)
	result := answer.Result()
	content, _ := io.ReadAll(result.Body)
	return result.StatusCode, result.Header, string(content)
}
