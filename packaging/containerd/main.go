// containerd-shim-aotc-v1 runs containers whose program is WebAssembly: io.containerd.aotc.v1 for ctr, a handler of that name for
// Kubernetes' RuntimeClass.
//
// It is containerd's shim for runc with one step before a container is created (wasm.go): a module is compiled on the machine,
// outside of the container, and what runc then starts in the container's namespaces and control group is aotc-node or
// aotc-exec with the artifact. So logs, signals, exit codes, pods with several containers, statistics and deletion are runc's. A
// shim that started these programs itself would have to do all of that again.
package main

import (
	"context"
	"os"
	"path/filepath"

	"github.com/containerd/containerd/errdefs"
	"github.com/containerd/containerd/pkg/shutdown"
	"github.com/containerd/containerd/plugin"
	"github.com/containerd/containerd/runtime/v2/runc/manager"
	"github.com/containerd/containerd/runtime/v2/runc/task"
	"github.com/containerd/containerd/runtime/v2/shim"
	taskapi "github.com/containerd/containerd/runtime/v2/task"
	"github.com/containerd/ttrpc"
)

// service is runc's, but for how a container begins.
type service struct {
	taskapi.TaskService
	programs string // the folder of aotc, aotc-exec and aotc-node
}

func (s *service) Create(ctx context.Context, r *taskapi.CreateTaskRequest) (*taskapi.CreateTaskResponse, error) {
	c := container{programs: s.programs, bundle: r.Bundle, rootfs: r.Rootfs}
	if err := c.prepare(ctx); err != nil {
		return nil, errdefs.ToGRPC(err)
	}
	return s.TaskService.Create(ctx, r)
}

func (s *service) RegisterTTRPC(server *ttrpc.Server) error {
	taskapi.RegisterTaskService(server, s)
	return nil
}

func newService(ic *plugin.InitContext) (interface{}, error) {
	publisher, err := ic.GetByID(plugin.EventPlugin, "publisher")
	if err != nil {
		return nil, err
	}
	down, err := ic.GetByID(plugin.InternalPlugin, "shutdown")
	if err != nil {
		return nil, err
	}
	own, err := os.Executable()
	if err != nil {
		return nil, err
	}
	inner, err := task.NewTaskService(ic.Context, publisher.(shim.Publisher), down.(shutdown.Service))
	return &service{inner, filepath.Dir(own)}, err
}

func main() {
	plugin.Register(&plugin.Registration{
		Type:     plugin.TTRPCPlugin,
		ID:       "task",
		Requires: []plugin.Type{plugin.EventPlugin, plugin.InternalPlugin},
		InitFn:   newService,
	})
	shim.RunManager(context.Background(), manager.NewShimManager("io.containerd.aotc.v1"))
}
