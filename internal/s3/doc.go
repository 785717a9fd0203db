// Package s3 is a local Amazon S3: buckets and objects on disk, spoken to over S3's own wire protocol or in process.
//
// Data comes in through [Store.Put] and the upload methods, or as HTTP requests through [NewHandler], and leaves through [Store.Get], [Store.List]
// and the handler's answers. What a method has acknowledged is on disk. Keys are listed in the order of their bytes, as S3 does it.
//
// # On disk
//
// The folder holds an index and bodies. The index is a Pebble database: one entry for each bucket, object, upload and part, in the order in
// which they are listed. A small body lies in its entry, so that putting it costs one commit; a larger one is a file with a random name in the
// folder "bodies", complete and synced before the entry that names it is committed. A name that a client chose never becomes the name of a file. A
// multipart upload's parts become the object's body as they are, without being copied. Bodies that no entry names, which a crash can leave, are
// removed when the folder is opened. It is opened by the first operation, so that who never uses S3 pays nothing.
//
// # Never
//
// The package never writes outside its folder, never holds a body in memory whole, never checks signatures and keeps no versions: a VersionId
// other than "null" names nothing here.
package s3
