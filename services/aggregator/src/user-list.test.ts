import { expect, it } from 'vitest';
import { UserList } from './user-list.ts';

const user = (orgId: string, name: string) => ({ orgId, user: name, userKey: Buffer.alloc(16) });

it('has each user once, in order of appearance, whichever way they came', () => {
  const list = new UserList();
  list.addNew(user('acme', 'one'));
  list.add(user('acme', 'two'));
  list.add(user('acme', 'one'));
  list.addNew(user('acme', 'two'));
  list.addNew(user('other', 'one'));
  list.add(user('other', 'one'));
  expect(list.all.map(({ orgId, user: name }) => `${orgId} ${name}`)).toEqual([
    'acme one',
    'acme two',
    'other one',
  ]);
});
