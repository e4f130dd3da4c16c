"""The consent page: owners of vehicles sign in, and share vehicles with services. It works without scripts.

guard     what every request must show, and every answer says: cookies, tokens of forms, where a request comes from
sign_in   passwords, sessions, and how often they may be tried
pages     what people read, made of ``templates/``
server    what is asked, and what becomes of it
"""
