import { context } from '@koji/plugin-sdk';

/** Answers its arguments to administrators, by position or by name: `session.mymethod(1, 2, kwarg1=3)`. */
export function mymethod(arg1, arg2, kwarg1 = null) {
  context.session.assertPerm('admin');
  return { arg1, arg2, kwarg1, user: context.session.user.name };
}
mymethod.exported = true;
mymethod.doc = 'Answer the arguments, for administrators.';
