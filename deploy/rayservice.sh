#!/bin/sh
# A RayService of KubeRay with the application of a file: rayservice.sh FILE IMAGE | kubectl apply -f -
set -eu
file=$1 image=$2
cat <<HEAD
apiVersion: ray.io/v1
kind: RayService
metadata:
  name: raymill
spec:
  serveConfigV2: |
HEAD
sed -e 's/^/    /' -e 's/host: 127\.0\.0\.1/host: 0.0.0.0/' "$file"
cat <<TAIL
  rayClusterConfig:
    rayVersion: "2.60.0"
    enableInTreeAutoscaling: true
    headGroupSpec:
      rayStartParams: {}
      template:
        spec:
          containers:
          - name: ray-head
            image: $image
            env: &env
            - {name: RAY_AUTH_MODE, value: token}
            - {name: RAY_AUTH_TOKEN, valueFrom: {secretKeyRef: {name: raymill, key: ray-token}}}
            - {name: RAY_SERVE_ENABLE_HA_PROXY, value: "1"}
            - {name: RAY_SERVE_THROUGHPUT_OPTIMIZED, value: "1"}
            - {name: RAY_USE_UVLOOP, value: "1"}
            - {name: RAY_SERVE_HAPROXY_METRICS_ENABLED, value: "0"}
            - {name: RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH, value: raymill.services.hosts.outer.middlewares}
            - {name: RAYMILL_SERVE_HOST, value: 0.0.0.0}
            - {name: RAYMILL_DATABASE_URL, valueFrom: {secretKeyRef: {name: raymill, key: database}}}
            ports:
            - {containerPort: 6379, name: gcs}
            - {containerPort: 8265, name: dashboard}
            - {containerPort: 8000, name: serve}
            resources: {limits: {cpu: "2", memory: 4Gi}, requests: {cpu: "2", memory: 4Gi}}
    workerGroupSpecs:
    - groupName: workers
      replicas: 1
      minReplicas: 1
      maxReplicas: 5
      rayStartParams: {}
      template:
        spec:
          containers:
          - name: ray-worker
            image: $image
            env: *env
            resources: {limits: {cpu: "2", memory: 4Gi}, requests: {cpu: "2", memory: 4Gi}}
TAIL
