import { z } from 'zod';
import { flag, signedDuration, text, texts } from './fields.js';

const whole = (description: string) => z.int().meta({ description }).optional();

/** Spellings of v2; `spellings.ts` moves their values to those of v3. */
const old = {
  addr: z
    .string()
    .meta({ description: 'Old spelling of addrs with one address.', deprecated: true })
    .optional(),
  pool: z
    .strictObject({
      maxidle: whole('Old spelling of maxidleconns.'),
      maxactive: whole('Old spelling of maxactiveconns.'),
      idletimeout: signedDuration('Old spelling of connmaxidletime.'),
    })
    .meta({ description: 'Old place of the keys of the pool.', deprecated: true })
    .optional(),
};

const tls = z
  .strictObject({
    enabled: flag('Speaks TLS. Of v2.'),
    certificate: text('File of the certificate of this client.'),
    key: text('File of its private key.'),
    rootcas: texts('Files of the authorities that sign certificates of the servers.'),
    clientcas: texts('Old spelling of rootcas.').meta({ deprecated: true }),
  })
  .transform(({ clientcas: _, ...rest }) => rest)
  .meta({ description: 'TLS to the servers.' })
  .prefault({});

export const redis = z
  .strictObject({
    ...old,
    addrs: texts('Addresses of the servers, host:port.'),
    mastername: text('Name of the master when the servers are sentinels.'),
    clientname: text('Name of the connections.'),
    db: z.int().meta({ description: 'Number of the database.' }).default(0),
    protocol: whole('Version of the protocol, 2 or 3.'),
    username: text('User.'),
    password: text('Password.'),
    sentinelusername: text('User at the sentinels.'),
    sentinelpassword: text('Password at the sentinels.'),
    maxretries: whole('Times a command is tried again.'),
    minretrybackoff: signedDuration('Shortest wait before that.'),
    maxretrybackoff: signedDuration('Longest wait before that.'),
    dialtimeout: signedDuration('Longest time for connecting.'),
    readtimeout: signedDuration('Longest time for reading.'),
    writetimeout: signedDuration('Longest time for writing.'),
    contexttimeoutenabled: flag('Lets the deadline of a request end a command.'),
    poolfifo: flag('Takes the oldest connection of the pool first.'),
    poolsize: whole('Connections for each processor.'),
    pooltimeout: signedDuration('Longest wait for a free connection.'),
    minidleconns: whole('Fewest idle connections.'),
    maxidleconns: whole('Most idle connections.'),
    maxactiveconns: whole('Most connections.'),
    connmaxidletime: signedDuration('Age at which an idle connection is closed.'),
    connmaxlifetime: signedDuration('Age at which any connection is closed.'),
    maxredirects: whole('Most redirects of a cluster to follow.'),
    readonly: flag('Reads from replicas.'),
    routebylatency: flag('Asks the nearest server.'),
    routerandomly: flag('Asks any server.'),
    identitysuffix: text('Suffix of the name of the client.'),
    tls,
  })
  .transform(({ addr: _addr, pool: _pool, ...rest }) => rest)
  .meta({ description: 'Redis servers for the cache of the reference.' })
  .prefault({});
