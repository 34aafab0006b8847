package main

import (
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"math/rand/v2"
	"net"
)

const (
	blockSize = 8 << 20
	// What Go's own HTTP client, and with it docker, podman and skopeo, sends as one chunk.
	chunkSize = 32 << 10
	tailSize  = 64
)

// content makes blobs of one size. They share all bytes but the last 64, so that the digest of each costs next to
// nothing; a server can only know that they differ when it has read them to their end.
type content struct {
	size   int64
	seed   string
	block  []byte // the shared bytes, repeated
	framed []byte // the block in chunks
	prefix hash.Cloner
}

type blob struct {
	*content
	digest string
	tail   []byte
}

func newContent(size int64, seed string) (*content, error) {
	if size < tailSize {
		return nil, fmt.Errorf("a blob has at least %d bytes", tailSize)
	}
	made := &content{size: size, seed: seed, block: make([]byte, min(blockSize, size))}
	var key [32]byte
	copy(key[:], seed)
	if _, err := io.ReadFull(rand.NewChaCha8(key), made.block); err != nil {
		return nil, err
	}
	for from := 0; from < len(made.block); from += chunkSize {
		made.framed = appendChunk(made.framed, made.block[from:min(from+chunkSize, len(made.block))])
	}
	digest := sha256.New()
	for left := size - tailSize; left > 0; left -= blockSize {
		digest.Write(made.block[:min(left, int64(len(made.block)))])
	}
	made.prefix = digest.(hash.Cloner)
	return made, nil
}

// blob gives the blob with this number; no other number or seed gives the same.
func (c *content) blob(number int64) blob {
	tail := fmt.Appendf(nil, "%-*.40s%020d", tailSize-20, c.seed, number)
	digest, _ := c.prefix.Clone()
	digest.Write(tail)
	return blob{c, fmt.Sprintf("sha256:%x", digest.Sum(nil)), tail}
}

// pieces gives the blob as it is sent, in chunks or not.
func (b blob) pieces(chunked bool) net.Buffers {
	var pieces net.Buffers
	for left := b.size - tailSize; left > 0; left -= blockSize {
		part := min(left, int64(len(b.block)))
		if chunked {
			pieces = append(pieces, b.chunksOf(part)...)
		} else {
			pieces = append(pieces, b.block[:part])
		}
	}
	if !chunked {
		return append(pieces, b.tail)
	}
	return append(pieces, append(appendChunk(nil, b.tail), "0\r\n\r\n"...))
}

// chunksOf gives the first size bytes of the block in chunks.
func (b blob) chunksOf(size int64) [][]byte {
	const frame = chunkSize + int64(len("8000\r\n\r\n"))
	whole, rest := size/chunkSize, size%chunkSize
	framed := [][]byte{b.framed[:whole*frame]}
	if rest > 0 {
		framed = append(framed, appendChunk(nil, b.block[whole*chunkSize:size]))
	}
	return framed
}

func appendChunk(to, data []byte) []byte {
	to = fmt.Appendf(to, "%x\r\n", len(data))
	to = append(to, data...)
	return append(to, "\r\n"...)
}
