package stack

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tutti-run/tutti/internal/cfn"
)

// layerType is the type of the resources that are layers.
const layerType = "AWS::Lambda::LayerVersion"

// layer is where a layer's content lies, or why it cannot be had.
type layer struct {
	folder string
	err    error
}

// gatherLayers finds the stacks' layers, by their ARNs. One that cannot be had is told when a function needs it.
func (s *Stack) gatherLayers(units []*unit) {
	for _, u := range withNested(units) {
		for _, r := range u.template.OfType(layerType) {
			path, err := u.located(s.cfg.Project, r, "Content", r.Read().Value("Content"), "S3Bucket", "S3Key")
			if err == nil {
				s.next.watched = append(s.next.watched, path)
				path, err = s.unpacked(path)
			}
			s.next.layers[r.Ref] = layer{path, err}
		}
	}
}

// layersOf returns the folders of a function's layers, and tells which it has to do without.
func (s *Stack) layersOf(r *cfn.Resource) []string {
	var folders []string
	for _, arn := range r.Read().Strings("Layers") {
		l, ok := s.next.layers[arn]
		switch {
		case !ok:
			s.tell(Event{Kind: NotRunHere, Name: arn, Detail: "the layer " + arn + ", which is none of the templates'", NeededBy: []string{r.LogicalID}})
		case l.err != nil:
			s.tell(Event{Kind: NotRunHere, Name: arn, Detail: "the layer " + arn + ": " + l.err.Error(), NeededBy: []string{r.LogicalID}})
		default:
			folders = append(folders, l.folder)
		}
	}
	return folders
}

// deployLayer has nothing left to do: functions have taken what they need.
func (s *Stack) deployLayer(*unit, *cfn.Resource) error { return nil }

// layerPath is the value of the interpreter's variable with the folders of modules. A later layer goes before an earlier one, as its files would lie
// over the other's.
func (i *interpreter) layerPath(layers []string) string {
	var folders []string
	for _, layer := range slices.Backward(layers) {
		built := filepath.Join(layer, filepath.FromSlash(i.modules))
		if _, err := os.Stat(built); err != nil {
			built = filepath.Join(layer, i.unbuilt)
		}
		folders = append(folders, built)
	}
	return strings.Join(folders, string(os.PathListSeparator))
}
