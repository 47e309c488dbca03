/** A first volume to write from. */
export const volumeSketch = `apiVersion: v1
kind: Volume
metadata:
  name: data
spec:
  size: 10Gi
`

export const volumeClaimSketch = `apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: data
  namespace: default
spec:
  accessModes: [ReadWriteOnce]
  resources:
    requests:
      storage: 10Gi
`

export const volumeSnapshotSketch = `apiVersion: snapshot.storage.k8s.io/v1
kind: VolumeSnapshot
metadata:
  name: data-1
spec:
  source:
    volumeName: data
`

export const snapshotScheduleSketch = `apiVersion: v1
kind: SnapshotSchedule
metadata:
  name: nightly
spec:
  every: 1d
  volumes:
    names: [data]
  keep:
    daily: 7
    weekly: 4
`
