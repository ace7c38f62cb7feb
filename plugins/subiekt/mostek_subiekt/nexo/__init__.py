"""Subiekt nexo: another program than Subiekt GT, with another database.

plugin    SubiektNexo; queries, conversion, describe: its reads
config    what the site says; schema: the reference schema
sandbox   a database of its shape with invented data
"""
