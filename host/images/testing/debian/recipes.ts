import type { ArchiveEntry } from '../../tar/archive'

/** An image of Debian's packages as they are, configured as such images are upstream. Nothing in it knows Hypernetes. */
export type DebianRecipe = {
  packages: readonly string[]
  /** Paths that the packages bring and the image leaves out (dpkg's path-exclude), beside manuals and translations. */
  without?: readonly string[]
  /** Commands of the image's own shell, run in it once its packages are there. */
  setUp?: readonly string[]
  /** The upper layer. */
  files: readonly ArchiveEntry[]
  config: { entrypoint?: readonly string[]; cmd: readonly string[]; env: readonly string[]; user?: string; workingDir?: string; ports?: readonly string[]; stopSignal?: string; volume?: string }
}

const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** As upstream's: begins as root, gives the folder to its user, becomes that user, makes a database where none is. */
const postgresEntrypoint = `#!/bin/sh
set -e
if [ "$1" = postgres ] && [ "$(id -u)" = 0 ]; then
  mkdir -p "$PGDATA"
  chmod 700 "$PGDATA"
  chown -R postgres:postgres "$PGDATA"
  exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
fi
if [ "$1" = postgres ] && [ ! -s "$PGDATA/PG_VERSION" ]; then
  printf '%s\\n' "$POSTGRES_PASSWORD" > /tmp/password
  initdb --username=postgres --pwfile=/tmp/password --auth-local=trust --auth-host=scram-sha-256 --no-sync
  rm /tmp/password
  echo 'host all all all scram-sha-256' >> "$PGDATA/pg_hba.conf"
fi
exec "$@"
`

/** PostgreSQL 17, without its compiler of queries: that alone is half of the packages' bytes. */
export const postgres: DebianRecipe = {
  packages: ['postgresql-17'],
  without: ['/usr/lib/x86_64-linux-gnu/libLLVM*', '/usr/lib/x86_64-linux-gnu/libz3*', '/usr/lib/postgresql/17/lib/llvmjit*', '/usr/lib/postgresql/17/lib/bitcode/*'],
  setUp: ['rm -rf /var/lib/postgresql/17', 'install -d -o postgres -g postgres -m 3777 /run/postgresql', 'install -d -o postgres -g postgres -m 1777 /var/lib/postgresql/data'],
  files: [{ name: 'usr/local/bin/docker-entrypoint.sh', mode: 0o755, content: postgresEntrypoint }],
  config: {
    entrypoint: ['docker-entrypoint.sh'],
    cmd: ['postgres', '-c', 'listen_addresses=*'],
    env: [`PATH=${path}:/usr/lib/postgresql/17/bin`, 'LANG=C.UTF-8', 'PG_MAJOR=17', 'PGDATA=/var/lib/postgresql/data'],
    ports: ['5432/tcp'],
    stopSignal: 'SIGINT',
    volume: '/var/lib/postgresql/data',
  },
}

/** nginx: its master as root, its workers as www-data, its logs on the container's own output. */
export const nginx: DebianRecipe = {
  packages: ['nginx'],
  files: [
    { name: 'var/log/nginx/access.log', type: 'symlink', linkName: '/dev/stdout' },
    { name: 'var/log/nginx/error.log', type: 'symlink', linkName: '/dev/stderr' },
  ],
  config: { cmd: ['nginx', '-g', 'daemon off;'], env: [`PATH=${path}`], ports: ['80/tcp'], stopSignal: 'SIGQUIT' },
}

export const python: DebianRecipe = {
  packages: ['python3'],
  files: [{ name: 'usr/local/bin/python', type: 'symlink', linkName: '/usr/bin/python3' }],
  config: { cmd: ['python3'], env: [`PATH=${path}`, 'LANG=C.UTF-8'] },
}
