// A server with golang.org/x/crypto/ssh and github.com/pkg/sftp: commands by /bin/sh, SFTP, and connections to TCP ports.
package main

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"
)

var directory = os.Args[2]
var home = filepath.Join(directory, "home")

func main() {
	key, err := os.ReadFile(filepath.Join(directory, "host_key"))
	check(err)
	signer, err := ssh.ParsePrivateKey(key)
	check(err)
	lines, err := os.ReadFile(filepath.Join(directory, "authorized_keys"))
	check(err)
	allowed, _, _, _, err := ssh.ParseAuthorizedKey(lines)
	check(err)
	config := &ssh.ServerConfig{
		PublicKeyCallback: func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
			if bytes.Equal(key.Marshal(), allowed.Marshal()) {
				return nil, nil
			}
			return nil, fmt.Errorf("unknown key")
		},
	}
	config.AddHostKey(signer)
	check(os.Chdir(home))
	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Args[1])
	check(err)
	fmt.Fprintln(os.Stderr, "listening")
	for {
		connection, err := listener.Accept()
		check(err)
		go serve(connection, config)
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func serve(connection net.Conn, config *ssh.ServerConfig) {
	_, channels, requests, err := ssh.NewServerConn(connection, config)
	if err != nil {
		return
	}
	go ssh.DiscardRequests(requests)
	for channel := range channels {
		switch channel.ChannelType() {
		case "session":
			go session(channel)
		case "direct-tcpip":
			go connect(channel)
		default:
			channel.Reject(ssh.UnknownChannelType, "unknown channel type")
		}
	}
}

func connect(asked ssh.NewChannel) {
	var target struct {
		Host     string
		Port     uint32
		FromHost string
		FromPort uint32
	}
	if err := ssh.Unmarshal(asked.ExtraData(), &target); err != nil {
		asked.Reject(ssh.ConnectionFailed, err.Error())
		return
	}
	there, err := net.Dial("tcp", net.JoinHostPort(target.Host, fmt.Sprint(target.Port)))
	if err != nil {
		asked.Reject(ssh.ConnectionFailed, err.Error())
		return
	}
	channel, requests, err := asked.Accept()
	if err != nil {
		there.Close()
		return
	}
	go ssh.DiscardRequests(requests)
	var both sync.WaitGroup
	both.Add(2)
	go func() {
		io.Copy(channel, there)
		channel.CloseWrite()
		both.Done()
	}()
	go func() {
		io.Copy(there, channel)
		there.(*net.TCPConn).CloseWrite()
		both.Done()
	}()
	both.Wait()
	channel.Close()
	there.Close()
}

func session(asked ssh.NewChannel) {
	channel, requests, err := asked.Accept()
	if err != nil {
		return
	}
	for request := range requests {
		var payload struct{ Text string }
		switch request.Type {
		case "exec":
			known := ssh.Unmarshal(request.Payload, &payload) == nil
			request.Reply(known, nil)
			if known {
				go run(channel, payload.Text)
			}
		case "subsystem":
			known := ssh.Unmarshal(request.Payload, &payload) == nil && payload.Text == "sftp"
			request.Reply(known, nil)
			if known {
				go files(channel)
			}
		default:
			request.Reply(false, nil)
		}
	}
}

func files(channel ssh.Channel) {
	server, err := sftp.NewServer(channel)
	if err == nil {
		server.Serve()
		server.Close()
	}
	channel.Close()
}

func run(channel ssh.Channel, line string) {
	command := exec.Command("/bin/sh", "-c", line)
	command.Dir = home
	command.Env = append(os.Environ(), "HOME="+home)
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	command.Stdout = channel
	command.Stderr = channel.Stderr()
	// Wait must not wait for the end of the client's input.
	input, err := command.StdinPipe()
	if err == nil {
		go func() {
			io.Copy(input, channel)
			input.Close()
		}()
		err = command.Run()
	}
	status := uint32(0)
	if exited, is := err.(*exec.ExitError); is {
		state := exited.Sys().(syscall.WaitStatus)
		if state.Signaled() {
			status = uint32(128 + int(state.Signal()))
		} else {
			status = uint32(state.ExitStatus())
		}
	} else if err != nil {
		status = 127
	}
	channel.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{status}))
	channel.Close()
}
