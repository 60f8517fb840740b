// Tlogcheck checks an OpenNRM log with code that is not OpenNRM's: golang.org/x/mod/sumdb and transparency-dev.
//
// It reads a JSON request on standard input and prints "ok" or fails with a reason.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/transparency-dev/formats/log"
	fnote "github.com/transparency-dev/formats/note"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type request struct {
	Checkpoint []byte   // the signed note
	Log        string   // the log's verifier key
	Witnesses  []string // the witnesses' verifier keys, all of whom must have cosigned
	Records    []record
	Earlier    []earlier
}

type record struct {
	Index int64
	Data  []byte
	Proof [][]byte
}

type earlier struct {
	Size  int64
	Root  []byte
	Proof [][]byte
}

func main() {
	var asked request
	err := json.NewDecoder(os.Stdin).Decode(&asked)
	if err == nil {
		err = check(asked)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("ok")
}

func check(asked request) error {
	verifier, err := note.NewVerifier(asked.Log)
	if err != nil {
		return err
	}
	if _, err := note.Open(asked.Checkpoint, note.VerifierList(verifier)); err != nil {
		return fmt.Errorf("note.Open: %w", err)
	}
	var witnesses []note.Verifier
	for _, key := range asked.Witnesses {
		witness, err := fnote.NewVerifierForCosignatureV1(key)
		if err != nil {
			return err
		}
		witnesses = append(witnesses, witness)
	}
	head, _, opened, err := log.ParseCheckpoint(asked.Checkpoint, verifier.Name(), verifier, witnesses...)
	if err != nil {
		return fmt.Errorf("log.ParseCheckpoint: %w", err)
	}
	if len(opened.Sigs) != 1+len(witnesses) {
		return fmt.Errorf("%d of %d signatures verified", len(opened.Sigs), 1+len(witnesses))
	}
	return errors.Join(checkRecords(asked.Records, head), checkEarlier(asked.Earlier, head))
}

func checkRecords(records []record, head *log.Checkpoint) error {
	for _, one := range records {
		leaf := tlog.RecordHash(one.Data)
		if err := tlog.CheckRecord(hashes(one.Proof), int64(head.Size), hash(head.Hash), one.Index, leaf); err != nil {
			return fmt.Errorf("tlog.CheckRecord %d: %w", one.Index, err)
		}
		err := proof.VerifyInclusion(rfc6962.DefaultHasher, uint64(one.Index), head.Size, leaf[:], one.Proof, head.Hash)
		if err != nil {
			return fmt.Errorf("proof.VerifyInclusion %d: %w", one.Index, err)
		}
	}
	return nil
}

func checkEarlier(trees []earlier, head *log.Checkpoint) error {
	for _, one := range trees {
		if err := tlog.CheckTree(hashes(one.Proof), int64(head.Size), hash(head.Hash), one.Size, hash(one.Root)); err != nil {
			return fmt.Errorf("tlog.CheckTree %d: %w", one.Size, err)
		}
		err := proof.VerifyConsistency(
			rfc6962.DefaultHasher, uint64(one.Size), head.Size, one.Proof, one.Root, head.Hash)
		if err != nil {
			return fmt.Errorf("proof.VerifyConsistency %d: %w", one.Size, err)
		}
	}
	return nil
}

func hash(raw []byte) (h tlog.Hash) {
	copy(h[:], raw)
	return h
}

func hashes(raw [][]byte) (found []tlog.Hash) {
	for _, one := range raw {
		found = append(found, hash(one))
	}
	return found
}
